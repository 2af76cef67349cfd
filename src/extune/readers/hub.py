"""Data sets of the Hugging Face hub, or local folders laid out like one: `hf:owner/name[:config]`, `hf:./folder`.

Rows are streamed; which format they are in is told from the first ones, as for a file.
https://huggingface.co/docs/datasets/stream
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..records import Record, Rejected
from .format import Sample
from .lines import Parse, Row, read_row, rename

PREFIX = "hf:"
SAMPLED = 50


def is_hub(source: str) -> bool:
    """Whether a source names a data set of the hub, not a path."""
    return source.startswith(PREFIX)


def splits(source: str, root: Path = Path()) -> dict[str, Iterable[Row]]:
    """The rows of each split, by its name there; a folder is sought below `root`.

    Raises DataError if the data set cannot be had.
    """
    name, _, config = source.removeprefix(PREFIX).partition(":")
    local = name.startswith((".", "/"))
    if not name or (local and not (root / name).is_dir()):
        raise DataError("no such folder" if name else "no data set is named", where=source, remedy=REMEDY)
    from datasets import load_dataset

    try:
        found: Mapping[str, Any] = load_dataset(str(root / name) if local else name, config or None, streaming=True)
    except Exception as exc:  # every loader, client and file format below has errors of its own
        raise DataError(f"the data set cannot be loaded ({_first_line(exc)})", where=source, remedy=REMEDY) from None
    return {str(split): rows for split, rows in found.items()}


REMEDY = "Check its name and the network, or download it and set data.source to hf:./FOLDER or to its files"


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]


def sampled(source: str, rows: Iterable[Row], columns: Mapping[str, str]) -> tuple[Sample, Iterator[Row]]:
    """The first rows as a Sample with the format's names, and all rows from the first one on."""
    rest = _guarded(rows, source)
    head = list(islice(rest, SAMPLED))
    present = ({name: value for name, value in row.items() if value is not None} for row in head)
    return Sample(Path(source), rows=tuple(rename(row, columns) for row in present)), chain(head, rest)


def _guarded(rows: Iterable[Row], source: str) -> Iterator[Row]:
    """A data set is read only now: a broken file or a lost network shows while rows are taken."""
    try:
        yield from rows
    except Exception as exc:  # as above
        raise DataError(f"the data set cannot be read ({_first_line(exc)})", where=source, remedy=REMEDY) from None


def parsed(rows: Iterable[Row], where: str, parse: Parse) -> Iterator[Record | Rejected]:
    """A Record or Rejected for each row; `where` is SOURCE/SPLIT:ROW."""
    for number, row in enumerate(rows, 1):
        yield read_row(row, f"{where}:{number}", parse)
