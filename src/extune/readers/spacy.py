"""spaCy's training data: rows [text, {"entities": [[start, end, label], ...]}], and Prodigy's {"text", "spans"}.

An item of `spans` (or of `entities` in a row that is an object): {"start", "end", "label"}. Offsets are code points,
ends exclusive. https://spacy.io/api/data-formats and https://prodi.gy/docs/api-interfaces
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..files import BLOCK, Unread, opened
from ..records import Entity, Record, Rejected
from .doccano import entity_between, span
from .elements import elements, raw_records
from .format import Format, Sample
from .lines import Row, checked, filled, identified, identifier, language, listed, parse_json, reason
from .plain import refused

LISTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*(?=\[)")
ROW = re.compile(r'\ufeff?\s*\[?\s*\[\s*"(?:[^"\\]|\\.)*"\s*,\s*\{\s*"entities"\s*:')


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row, of lines or of one array. What was rejected or passed over in Prodigy is rejected."""
    return identified(_read_row(raw, f"{path}:{number}") for number, raw in _raw_rows(path))


def _raw_rows(path: Path) -> Iterator[tuple[int, bytes]]:
    with opened(path) as handle:
        if LISTS.match(handle.peek(BLOCK)):
            yield from elements(handle, True)
            return
    yield from raw_records(path)


def _read_row(raw: bytes, where: str) -> Record | Rejected:
    try:
        if isinstance(raw, Unread):
            raise ValueError(raw.reason)
        return checked(parse(_as_object(parse_json(raw.decode("utf-8"))), where))
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        return refused(where, reason(exc), raw)


def _as_object(value: Any) -> Row:
    match value:
        case [str(text), {"entities": list(entities)}]:
            return {"text": text, "entities": entities}
        case dict():
            return value
    raise TypeError('neither [text, {"entities": [...]}] nor an object')


def parse(row: Row, where: str) -> Record:
    """A Record from one row that is an object. Raises KeyError, TypeError, ValueError on another shape."""
    if row.get("answer", "accept") != "accept":
        raise ValueError(f"its annotator answered {row['answer']!r}")
    name = "entities" if "entities" in row else "spans"
    text = filled(row, "text")
    entities = tuple(_entity(item, text) for item in listed({name: row[name]}, name))
    return Record(identifier(row), text, language(row, text), entities, where=where)


def _entity(item: Any, text: str) -> Entity:
    match item:
        case {"start": start, "end": end, "label": str(label)}:
            return entity_between(text, start, end, label)
    return span(item, text)


def matches(sample: Sample) -> bool:
    """Whether a row is of the first form, or has a span of the second."""
    return ROW.match(sample.text) is not None or any(_has_span(row) for row in sample.rows)


def _has_span(row: Row) -> bool:
    for name in ("spans", "entities"):
        items = row.get(name) if "text" in row else None
        for item in items if isinstance(items, list) else ():
            match item:
                case {"start": int(), "end": int(), "label": str()}:
                    return True
    return False


SPACY = Format("spacy", read, matches, parse)
