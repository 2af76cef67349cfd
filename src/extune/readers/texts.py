"""Texts to extract from: objects with `text`, perhaps `id` and `question`, of JSON Lines or an array, or a text a line.

Lines of the two kinds may mix.
"""

from collections.abc import Iterator
from pathlib import Path

from ..files import Unread
from ..records import QA, Record, Rejected
from .elements import raw_records
from .lines import Row, checked, filled, identified, optional, read_line, reason


def read(path: Path) -> Iterator[Record | Rejected]:
    """One Record or Rejected a line. Raises DataError if the file cannot be opened."""
    yield from identified(_line(number, raw, path) for number, raw in raw_records(path))


def _line(number: int, raw: bytes, path: Path) -> Record | Rejected:
    where = f"{path}:{number}"
    if raw.lstrip().startswith(b"{") or isinstance(raw, Unread):
        return read_line(raw, where, parse)
    try:
        return checked(Record(str(number), raw.decode("utf-8").strip(), where=where))
    except ValueError as exc:
        return Rejected(where, reason(exc))


def parse(row: Row, where: str) -> Record:
    """The id is the line's number where none is given. Raises KeyError, TypeError, ValueError."""
    text, question = filled(row, "text"), optional(row, "question")
    name = optional(row, "id") or where.rpartition(":")[2]
    return Record(name, text, qa=QA(question, "", text) if question else None, where=where)
