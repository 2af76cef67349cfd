"""What `extune inspect` needs of a source: its splits, and tokens where a base model is at hand."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ..convert import schema_for
from ..errors import DataError
from ..files import read_jsonl
from ..inspect import Figures, inspect_splits, token_counter, tokens_table
from ..readers import find_format, open_format, open_hub
from ..readers.hub import is_hub
from ..records import Record, Rejected
from ..sources import split_files, split_of


def figures_of(
    source: str, reader: str, columns: Mapping[str, str], schema: Path | None, base: Path | None, max_length: int
) -> Figures:
    """The figures of every split of a source; labels are held against a schema only if one is named."""
    known = schema_for(source, reader, columns, schema) if schema else None
    window = token_counter(base) if base else None
    return inspect_splits(dict(_splits(source, reader, columns)), schema=known, window=window, max_length=max_length)


def _splits(source: str, reader: str, columns: Mapping[str, str]) -> Iterator[tuple[str, Iterator[Record | Rejected]]]:
    if is_hub(source):
        yield from ((split_of(name) or name, part) for name, part in open_hub(source, reader, columns).items())
        return
    for name, path in split_files(Path(source)).items():
        yield name, open_format(find_format(reader, path, columns).name, path, columns)


def tokens_of(rows: Path, number: int, base: Path | None) -> str:
    """The tokens of one training row with what the loss counts, by the code that trains."""
    row: Any = next(islice(read_jsonl(rows, "Run `dvc repro build`"), number - 1, None), None)
    if number < 1 or row is None:
        raise DataError(f"there is no row {number}", where=str(rows))
    if not isinstance(row, dict) or not {"prompt", "completion"} <= set(row):
        raise DataError("not a training row", where=f"{rows}:{number}", remedy="Name data/sft/train.jsonl")
    from ..model import Base, load_encoder

    encoder = load_encoder(Base(str(base or "models/base"), {}))
    ids, labels = encoder.example(row["prompt"], row["completion"][0]["content"])
    return tokens_table(ids, labels, lambda token: str(encoder.tokenizer.decode([token])))
