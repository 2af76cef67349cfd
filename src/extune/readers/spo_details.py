"""Token rows with triples: {"tokens", "spo_list", "spo_details"}, the form of NYT and WebNLG in joint extraction.

An item of `spo_details`: [start, end, type, predicate, start, end, type], subject before object, ends exclusive.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records import Entity, Record, Rejected, Relation
from .format import Format, Sample
from .lines import Row, identified, identifier, language, listed, read_lines
from .spert import token_list
from .tokens import Places, entity_at, joined

UNTYPED = "None-label"


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row; the ends of triples are its entities where their types are given."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape."""
    if "spo_details" not in row:
        raise KeyError("spo_details")
    text, places = joined(token_list(row))
    triples = [_triple(item, text, places) for item in listed(row, "spo_details")]
    ends = dict.fromkeys(end for head, _, tail in triples for end in (head, tail) if end.type != UNTYPED)
    relations = tuple(Relation(h.text, label, t.text, _type(h), _type(t)) for h, label, t in triples)
    return Record(identifier(row), text, language(row, text), tuple(ends), relations, where=where)


def _triple(item: Any, text: str, places: Places) -> tuple[Entity, str, Entity]:
    match item:
        case [int(start), int(end), str(kind), str(label), int(other), int(last), str(other_kind)] if label.strip():
            return entity_at(text, places, start, end, kind), label, entity_at(text, places, other, last, other_kind)
    raise TypeError(f"not [start, end, type, predicate, start, end, type]: {str(item)[:60]}")


def _type(end: Entity) -> str | None:
    return None if end.type == UNTYPED else end.type


def matches(sample: Sample) -> bool:
    """Whether the rows look like it."""
    return any("tokens" in row and isinstance(row.get("spo_details"), list) for row in sample.rows)


SPO_DETAILS = Format("spo_details", read, matches, parse, flat=True)
