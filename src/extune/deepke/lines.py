"""Output lines as bytes: JSON inside the strings of a JSON object, its constant parts escaped once for all rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from json import JSONEncoder
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeAlias

import orjson

Fields: TypeAlias = tuple[tuple[str, bytes], ...]
"""Roles or attributes, each with its `key`."""

EMPTY = b"[]"
QUOTE, BACKSLASH = b'"\\'
_encode = JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Part:
    """One item of a question: how it is asked, its key in the answer, and its roles where it has any."""

    name: str
    question: bytes
    key: bytes
    fields: Fields = ()


class Chunk(NamedTuple):
    """What one line asks: all before the text, all after it where nothing is found, and the items."""

    start: bytes
    empty: bytes
    parts: tuple[Part, ...]


class Frame(NamedTuple):
    """Lines about one text without the text: what stands before, between and after its places, and their `starts`."""

    starts: list[bytes]
    between: list[bytes]


def framed(lines: Iterable[tuple[bytes, bytes]]) -> Frame:
    """The Frame of lines that are each a start, the text and an end."""
    pairs = [*lines]
    starts, ends = [start for start, _ in pairs], [end for _, end in pairs]
    return Frame([*starts, b""], [end + start for end, start in zip([b"", *ends], [*starts, b""], strict=True)])


def about(text: bytes, frame: Frame, ends: Mapping[int, bytes]) -> bytes:
    """The lines about a text, some by number with other ends. One join: most rows of most corpora are found empty."""
    between = frame.between.copy()
    for number, end in ends.items():
        between[number + 1] = end + frame.starts[number + 1]
    return text.join(between)


def quoted(text: str) -> bytes:
    """A string as JSON, escaped to stand inside a JSON string. Raises TypeError, UnicodeEncodeError."""
    return encode_basestring(encode_basestring(text))[1:-1].encode()


def quoted_text(text: str) -> bytes:
    """`quoted` for a record's text: most need no escapes, and orjson sees so at once."""
    try:
        plain = orjson.dumps(text)
    except TypeError:
        return quoted(text)
    return b'\\%b\\"' % plain[:-1] if plain[0] == QUOTE and BACKSLASH not in plain else quoted(text)


def nested(value: Any) -> bytes:
    """A value as JSON, escaped to stand inside a JSON string."""
    return encode_basestring(_encode(value))[1:-1].encode()


def one_or_list(values: list[str], text: str) -> bytes:
    """One value as a string, several as a list by their first place in the text."""
    if len(values) == 1:
        return quoted(values[0])
    return b"[" + b", ".join(map(quoted, sorted(values, key=text.find))) + b"]"


def key(name: str) -> bytes:
    """A name and its colon."""
    return quoted(name) + b": "


def part(name: str, question: Any, *, called: str | None = None, fields: Iterable[str] = ()) -> Part:
    """A Part of plain values; `called`: its key in the answer where that is not its name."""
    return Part(name, nested(question), key(called or name), tuple((field, key(field)) for field in fields))


def opening(task: str, source: str, instruction: str) -> bytes:
    """A line from its task to the bracket that opens the schema."""
    row = _encode({"task": task, "source": source})[1:-1].encode()
    return row + b', "instruction": "{\\"instruction\\": ' + quoted(instruction) + b', \\"schema\\": ['


def chunk(before: bytes, parts: Iterable[Part]) -> Chunk:
    """The constant bytes of a line that asks for `parts`."""
    parts = tuple(parts)
    start = before + b", ".join(item.question for item in parts) + b'], \\"input\\": '
    return Chunk(start, answered({item.key: EMPTY for item in parts}), parts)


def answered(entries: dict[bytes, bytes]) -> bytes:
    """All after the text of a train line, its line feed included; of items with the same key the last is there."""
    return b'}", "output": "{' + b", ".join(map(b"".join, entries.items())) + b'}"}\n'


def labelled(label: Any) -> bytes:
    """All after the text of a test line, its line feed included; no label where it is None."""
    return b'}"}\n' if label is None else b'}", "label": "' + nested(label) + b'"}\n'
