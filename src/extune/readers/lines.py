"""What every reader of lines shares: a bad line becomes a Rejected with a reason a person understands."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from json.scanner import make_scanner
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from ..files import HEAD, Unread
from ..index import Index, key_of
from ..records import Entity, Record, Rejected, detect_language
from .elements import raw_records
from .encodings import guessed

Row: TypeAlias = dict[str, Any]
Parse: TypeAlias = Callable[[Row, str], Record]

QUOTE, BACKSLASH = b'"\\'

KEPT = HEAD
"""Characters of a rejected line that go to the quarantine file."""


def read_lines(path: Path, parse: Parse) -> Iterator[Record | Rejected]:
    """One Record or Rejected for each JSON object of JSON Lines or of an array; ids are not yet made unique.

    Raises DataError only if the file cannot be read.
    """
    for number, raw in raw_records(path):
        yield read_line(raw, f"{path}:{number}", parse)


def read_line(raw: bytes, where: str, parse: Parse) -> Record | Rejected:
    """One line as a Record, or what is wrong with it; what may be wrong is read again with care."""
    row = quickly(raw)
    if type(row) is dict and "graph" not in row:
        try:
            return checked(parse(row, where))
        except (KeyError, TypeError, ValueError, RecursionError):
            pass
    try:
        return checked(parse(parse_row(raw), where))
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        return Rejected(where, reason(exc), raw.decode("utf-8", "backslashreplace")[:KEPT])


def parse_row(raw: bytes) -> Row:
    """A line as an object. Raises ValueError, TypeError or RecursionError, whose text `reason` tells."""
    if isinstance(raw, Unread):
        raise ValueError(raw.reason)
    row = parse_json(raw.decode("utf-8"))
    if not isinstance(row, dict):
        raise TypeError(_not_an_object(row))
    return row


def read_row(row: Row, where: str, parse: Parse) -> Record | Rejected:
    """A row that came parsed (a hub's), held against the same rules."""
    try:
        _encodable(row)
        return checked(parse(row, where))
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        return Rejected(where, reason(exc), _shown(row))


def _shown(row: Row) -> str:
    """The row as it would stand in a line, as far as it can be written."""
    try:
        line = json.dumps(row, ensure_ascii=False, default=str)[:KEPT]
    except (ValueError, RecursionError):
        return ""
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def renamed(parse: Parse, columns: Mapping[str, str]) -> Parse:
    """The parse of a file whose columns have other names: `columns` maps the format's field to the file's column."""

    def of_columns(row: Row, where: str) -> Record:
        try:
            return parse(rename(row, columns), where)
        except KeyError as exc:
            column = columns.get(exc.args[0])
            raise KeyError(column) if column and column not in row else exc from None

    return of_columns if columns else parse


def rename(row: Row, columns: Mapping[str, str]) -> Row:
    """The row with the format's own names; a field that has a column of its own is not taken from anywhere else."""
    taken = {*columns, *columns.values()}
    moved = {field: row[column] for field, column in columns.items() if column in row}
    return {name: value for name, value in row.items() if name not in taken} | moved


def identified(results: Iterable[Record | Rejected]) -> Iterator[Record | Rejected]:
    """Ids unique in the file: a hash of the text where one is missing, `-LINE` added where one repeats."""
    seen = Index()
    for result in results:
        if isinstance(result, Record):
            name = result.id or sha256(result.text.encode()).hexdigest()[:16]
            while not seen.add(key_of(name)):
                name += f"-{result.where.rpartition(':')[2]}"
            result = replace(result, id=name)
        yield result


def quickly(raw: bytes) -> Any:
    """The value of a JSON text as orjson reads it; None where `parse_json` might read it otherwise, and for an Unread.

    orjson keeps the last of repeated keys: then what it writes has fewer quotes. Integers beyond 64 bits become floats,
    which a field that takes integers refuses; a graph does not, and takes them as names.
    """
    try:
        value = orjson.loads(raw)
        quotes = orjson.dumps(value).count(QUOTE)
    except (orjson.JSONDecodeError, TypeError):
        return None
    escaped = BACKSLASH in raw and b"\\u0022" in raw
    return None if escaped or quotes != raw.count(QUOTE) else value


def parse_json(text: str) -> Any:
    """Strict JSON: no NaN, no repeated key, no half of a character. Raises ValueError or RecursionError."""
    try:
        value, end = _SCAN(text, 0)
    except StopIteration:
        end = 0
    if end != len(text):
        value = _STRICT.decode(text)  # blanks around it, or the reason why it is not JSON
    if "\\u" in text and "\\ud" in text.lower():
        _encodable(value)
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the field {next(n for n in names if names.count(n) > 1)!r} stands twice")
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_without_repetition, parse_constant=_no_constant)
_SCAN = make_scanner(_STRICT)  # type: ignore[arg-type]  # typeshed knows no decoder here


def _encodable(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a \\u escape is half of a character (lone surrogate)") from None


def _not_an_object(value: Any) -> str:
    if isinstance(value, list):
        return "a JSON array where one object a line is wanted; `jq -c '.[]' FILE` turns an array into lines"
    return f"{_kind(value)}, not an object"


def reason(exc: Exception) -> str:
    """What an exception of a parse says to a person who has the line before them."""
    match exc:
        case UnicodeDecodeError():
            hint = guessed(exc.object)
            return f"not UTF-8 ({exc.reason} at byte {exc.start + 1})" + (f"; {hint}" if hint else "")
        case json.JSONDecodeError():
            array = exc.doc.lstrip().startswith("[")  # the first line of one that is spread over many
            return _not_an_object([]) if array else f"not JSON ({exc.msg} at column {exc.colno})"
        case RecursionError():
            return "nested too deeply"
        case KeyError():
            return f"lacks the field {exc.args[0]!r}"
    return str(exc)


_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a number")


def string(row: Row, name: str) -> str:
    """A field that must be a string. Raises KeyError, TypeError."""
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"field {name!r} is {_kind(value)}, not a string")
    return value


def filled(row: Row, name: str) -> str:
    """A field that must be a string with something in it. Raises KeyError, TypeError, ValueError."""
    value = string(row, name)
    if not value.strip():
        raise ValueError(f"field {name!r} is empty")
    return value


def optional(row: Row, name: str) -> str | None:
    """A string, or None where the field is missing or null. Raises TypeError."""
    return None if row.get(name) is None else string(row, name)


def listed(row: Row, name: str) -> list[Any]:
    """A field that must be a list; missing or null is an empty one. Raises TypeError."""
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"field {name!r} is {_kind(value)}, not a list")
    return value


def objects(row: Row, name: str) -> list[Row]:
    """A field that must be a list of objects; missing or null is an empty one. Raises TypeError."""
    items = listed(row, name)
    for item in items:
        if not isinstance(item, dict):
            raise TypeError(f"field {name!r} holds {_kind(item)} where an object is wanted")
    return items


def identifier(row: Row) -> str:
    """The row's own id, a string or a number; empty if it has none. Raises TypeError."""
    value = row.get("id")
    if value is None:
        return ""
    return str(value) if type(value) is int else string(row, "id")


def language(row: Row, text: str) -> str:
    """The row's own `lang`, else told from the text."""
    return optional(row, "lang") or detect_language(text)


def checked(record: Record) -> Record:
    """The record, if its text can be trained on and its offsets are true. Raises TypeError, ValueError."""
    check(record.text, record.entities)
    return record


def check(text: str, entities: Iterable[Entity]) -> None:
    """Raises ValueError for a text that cannot be trained on, TypeError or ValueError for offsets that are not true."""
    if not text.strip():
        raise ValueError("the text is empty")
    if "\0" in text:
        raise ValueError("the text holds a NUL character")
    for entity in entities:
        _check_offsets(entity, text)


def _check_offsets(entity: Entity, text: str) -> None:
    start, end = entity.start, entity.end
    if start is None and end is None:
        return
    if type(start) is not int or type(end) is not int:
        raise TypeError(f"the offsets of {entity.text!r} are not two whole numbers")
    if start < 0 or text[start:end] != entity.text:
        raise ValueError(f"span does not match its offsets: {entity.text!r} is not at {start}:{end}")
