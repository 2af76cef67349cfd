"""doccano's exports: {"text", "label": [[start, end, type], ...]}, or {"text", "entities", "relations"}.

Entities of the second form: {id, start_offset, end_offset, label}; relations: {from_id, to_id, type}. Offsets are code
points, ends exclusive. https://doccano.github.io/doccano/
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..records import Entity, Record, Rejected, Relation
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, listed, objects, read_lines

LABELS = ("label", "labels")


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row. Rows of a text classification are rejected: they have no spans."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape."""
    text = filled(row, "text")
    if "entities" in row:
        numbered = [(item["id"], _entity(item, text)) for item in objects(row, "entities")]
        ends = dict(numbered)
        if len(ends) < len(numbered):
            raise ValueError("two entities have the same id")
        entities = [entity for _, entity in numbered]
    else:
        name = next((name for name in LABELS if name in row), LABELS[0])
        ends, entities = {}, [span(item, text) for item in listed({name: row[name]}, name)]
    relations = tuple(_relation(item, ends) for item in objects(row, "relations"))
    return Record(identifier(row), text, language(row, text), tuple(entities), relations, where=where)


def span(item: Any, text: str) -> Entity:
    """[start, end, type]. Raises TypeError, ValueError."""
    match item:
        case [start, end, str(label)]:
            return entity_between(text, start, end, label)
    raise TypeError(f"not [start, end, type]: {str(item)[:60]}")


def entity_between(text: str, start: Any, end: Any, label: str) -> Entity:
    """The entity from `start` to `end` (exclusive). Raises TypeError, ValueError where the text has no such place."""
    if type(start) is not int or type(end) is not int:
        raise TypeError(f"the offsets {start!r} and {end!r} are not two whole numbers")
    if not 0 <= start < end <= len(text):
        raise ValueError(f"no span {start}:{end} in a text of {len(text)} characters")
    filled({"text": text[start:end]}, "text")
    return Entity(text[start:end], filled({"type": label}, "type"), start, end)


def _entity(item: Row, text: str) -> Entity:
    return entity_between(text, item["start_offset"], item["end_offset"], filled(item, "label"))


def _relation(item: Row, ends: Mapping[Any, Entity]) -> Relation:
    head, tail = (_end(item[name], ends) for name in ("from_id", "to_id"))
    return Relation(head.text, filled(item, "type"), tail.text, head.type, tail.type)


def _end(name: Any, ends: Mapping[Any, Entity]) -> Entity:
    if not isinstance(name, int | str) or name not in ends:
        raise ValueError(f"a relation names the entity {name!r}, which the row does not have")
    return ends[name]


def matches(sample: Sample) -> bool:
    """Whether a row has a span in either spelling."""
    return any("text" in row and _has_span(row) for row in sample.rows)


def _has_span(row: Row) -> bool:
    for name in ("entities", *LABELS):
        items = row.get(name)
        for item in items if isinstance(items, list) else ():
            match item:
                case {"start_offset": int(), "end_offset": int()} if name == "entities":
                    return True
                case [int(), int(), str()] if name != "entities":
                    return True
    return False


DOCCANO = Format("doccano", read, matches, parse, flat=True)
