"""Texts to extract from: JSON Lines with `text` and perhaps `id`, or one text a line; the two may mix."""

from collections.abc import Iterator
from pathlib import Path

from ..files import raw_lines
from ..records import Record, Rejected
from .lines import Row, checked, filled, identified, optional, read_line


def read(path: Path) -> Iterator[Record | Rejected]:
    """One Record or Rejected a line. Raises DataError if the file cannot be opened."""
    yield from identified(_line(number, raw, path) for number, raw in raw_lines(path))


def _line(number: int, raw: bytes, path: Path) -> Record | Rejected:
    where = f"{path}:{number}"
    if raw.lstrip().startswith(b"{"):
        return read_line(raw, where, parse)
    try:
        return checked(Record(str(number), raw.decode("utf-8").strip(), where=where))
    except ValueError as exc:
        return Rejected(where, str(exc))


def parse(row: Row, where: str) -> Record:
    """The id is the line's number where none is given. Raises KeyError, TypeError, ValueError."""
    return Record(optional(row, "id") or where.rpartition(":")[2], filled(row, "text"), where=where)
