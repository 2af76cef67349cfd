"""What a file or folder looks like, so that its format need not be named."""

from collections.abc import Mapping
from pathlib import Path

from ..errors import DataError
from ..files import BLOCK, opened
from .elements import raw_records
from .encodings import guessed
from .format import Format, Sample
from .lines import Row, parse_row, rename

MOST_NAMES = 1000
MOST_FIELDS = 12


def sample(path: Path, columns: Mapping[str, str] | None = None) -> Sample:
    """The head of a file, .xz and .gz read through, or the names in a folder. Raises DataError if unreadable.

    Rows bear the format's names for `columns`. One longer than the head is read whole: it alone tells the format.
    """
    if path.is_dir():
        files = (file.relative_to(path) for file in path.rglob("*") if file.is_file())
        names = sorted(file.as_posix() for file in files if not file.name.startswith("."))
        return Sample(path, names=tuple(names[:MOST_NAMES]))
    with opened(path) as handle:
        text = handle.read(BLOCK).decode("utf-8-sig", "replace")
    return Sample(path, text, tuple(rename(row, columns or {}) for row in _rows(path)))


def _rows(path: Path) -> list[Row]:
    rows: list[Row] = []
    seen = 0
    for _, raw in raw_records(path):
        seen += len(raw)
        if rows and seen > BLOCK:
            break
        if raw.lstrip().startswith(b"{"):
            try:
                rows.append(parse_row(raw))
            except (ValueError, RecursionError):
                continue
        elif seen > BLOCK:
            break
    return rows


def recognise(found: Sample, formats: Mapping[str, Format]) -> Format:
    """The first format that the sample matches. Raises DataError, saying what it looks like, if none does."""
    for one in formats.values():
        if one.matches(found):
            return one
    raise DataError(
        f"no known format: {look(found)}",
        where=str(found.path),
        remedy=f"Set data.reader to one of {', '.join(formats)}; data.columns maps its fields to columns of the file",
    )


def look(found: Sample) -> str:
    """A sample in words."""
    if found.path.is_dir():
        return f"a folder with {', '.join(found.names[:3])}" if found.names else "an empty folder"
    if found.rows:
        fields = list(dict.fromkeys(name for row in found.rows for name in row))
        more = ", ..." if len(fields) > MOST_FIELDS else ""
        return f"JSON objects with the fields {', '.join(fields[:MOST_FIELDS])}{more}"
    if not found.text.strip():
        return "an empty file"
    if "\0" in found.text or found.text.count("\ufffd") > len(found.text) / 10:
        return f"not UTF-8 text {_guessed(found.path)}".rstrip()
    return f"text that begins {found.text.strip().splitlines()[0][:60]!r}"


def _guessed(path: Path) -> str:
    """What the bytes look like instead, in brackets."""
    with opened(path) as handle:
        guess = guessed(handle.read(BLOCK))
    return f"({guess})" if guess else ""
