"""Folders of JSON files read as one source, and JSON objects that hold several records each."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from ..errors import DataError
from ..records import Record, Rejected
from .elements import raw_records
from .format import Sample
from .lines import KEPT, Parse, Row, parse_row, read_row, reason

SUFFIXES = (".json", ".jsonl", ".json.xz", ".json.gz", ".jsonl.xz", ".jsonl.gz")


def json_files(path: Path) -> list[Path]:
    """The file itself, or the JSON files of a folder by name. Raises DataError if the folder has none."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.name.endswith(SUFFIXES) and not file.name.startswith("."))
    if not found:
        raise DataError("no JSON file in the folder", where=str(path))
    return found


def read_groups(
    path: Path, raws: Iterable[tuple[int, bytes]], take_apart: Callable[[Row], Iterable[Row]], parse: Parse
) -> Iterator[Record | Rejected]:
    """The records of objects that hold several: each object is taken apart into rows of one record."""
    for number, raw in raws:
        where = f"{path}:{number}"
        try:
            rows = list(take_apart(parse_row(raw)))
        except (KeyError, TypeError, ValueError, RecursionError) as exc:
            yield Rejected(where, reason(exc), raw.decode("utf-8", "backslashreplace")[:KEPT])
            continue
        for row in rows:
            yield read_row(row, where, parse)


def first_rows(sample: Sample) -> tuple[Row, ...]:
    """The rows of a sample; those of its first JSON file if it is a folder, whose files are like one another."""
    name = next((name for name in sample.names if name.endswith(SUFFIXES)), None)
    if name is None:
        return sample.rows
    rows: list[Row] = []
    for _, raw in islice(raw_records(sample.path / name), 1):
        try:
            rows.append(parse_row(raw))
        except (TypeError, ValueError, RecursionError):
            continue
    return tuple(rows)
