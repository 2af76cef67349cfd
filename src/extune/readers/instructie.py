"""InstructIE and the sample rows of DeepKE-LLM: {"text", "entity" | "relation" | "event": [...]}.

Items: {entity, entity_type}, {head, head_type?, relation, tail, tail_type?},
{event_type, event_trigger, arguments: [{role, argument}]}.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records import Argument, Entity, Event, Record, Rejected, Relation
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, objects, optional, read_lines, string

LABELS = ("entity", "relation", "event")
ITEM_KEYS = {"entity": "entity_type", "relation": "relation", "event": "event_type"}


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a line; the original's `cate` (topic) is not kept."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape."""
    if row.keys().isdisjoint(LABELS):
        raise ValueError("has none of the fields 'entity', 'relation', 'event'")
    text = filled(row, "text")
    return Record(
        identifier(row),
        text,
        language(row, text),
        tuple([entity(item) for item in objects(row, "entity")]) if "entity" in row else (),
        tuple([relation(item) for item in objects(row, "relation")]) if "relation" in row else (),
        tuple([event(item) for item in objects(row, "event")]) if "event" in row else (),
        where=where,
    )


def entity(item: Row) -> Entity:
    """{entity, entity_type}"""
    return Entity(filled(item, "entity"), filled(item, "entity_type"))


def relation(item: Row) -> Relation:
    """{head, head_type?, relation, tail, tail_type?}"""
    head, label, tail = (filled(item, name) for name in ("head", "relation", "tail"))
    return Relation(head, label, tail, optional(item, "head_type"), optional(item, "tail_type"))


def event(item: Row) -> Event:
    """{event_type, event_trigger, arguments}"""
    arguments = (Argument(string(a, "role"), string(a, "argument")) for a in objects(item, "arguments"))
    return Event(filled(item, "event_type"), string(item, "event_trigger"), tuple(arguments))


def matches(sample: Sample) -> bool:
    """Whether the rows look like it: a list of objects with the item's own name in each, or an empty one."""
    return any("text" in row and any(_ours(row.get(name), name) for name in LABELS) for row in sample.rows)


def _ours(items: Any, name: str) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) and ITEM_KEYS[name] in item for item in items)


ITEMS = {"entities": ("entity", entity), "relations": ("relation", relation), "events": ("event", event)}
INSTRUCTIE = Format("instructie", read, matches, parse, flat=True, items=ITEMS)
