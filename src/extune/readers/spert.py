"""Token rows with spans of tokens: {"tokens", "entities", "relations"}, ends exclusive.

Two spellings: SpERT's {"type", "start", "end"} and {"type", "head", "tail"} (numbers of entities), and lists of
[start, end, type] and [head start, head end, tail start, tail end, type]. https://github.com/lavis-nlp/spert
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..records import Entity, Record, Rejected, Relation
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, listed, read_lines
from .tokens import Places, entity_at, joined


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row; `orig_id` is its id."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape."""
    text, places = joined(token_list(row))
    entities = [_entity(item, text, places) for item in listed(row, "entities")]
    relations = [_relation(item, entities, text, places) for item in listed(row, "relations")]
    name = identifier({"id": row.get("orig_id", row.get("id"))})
    return Record(name, text, language(row, text), tuple(entities), tuple(relations), where=where)


def token_list(row: Row) -> list[str]:
    """The field `tokens`. Raises KeyError, TypeError."""
    tokens = listed({"tokens": row["tokens"]}, "tokens")
    if not all(isinstance(token, str) for token in tokens):
        raise TypeError("field 'tokens' holds something that is not a string")
    return tokens


def _entity(item: Any, text: str, places: Places) -> Entity:
    match item:
        case {"start": start, "end": end, "type": str(label)} | [start, end, str(label)]:
            return entity_at(text, places, start, end, filled({"type": label}, "type"))
    raise TypeError(f"not an entity: {str(item)[:60]}")


def _relation(item: Any, entities: Sequence[Entity], text: str, places: Places) -> Relation:
    match item:
        case {"head": int(first), "tail": int(second), "type": str(label)}:
            head, tail = _numbered(entities, first), _numbered(entities, second)
        case [int(start), int(end), int(other_start), int(other_end), str(label)]:
            head = _known(entities, entity_at(text, places, start, end, "head"))
            tail = _known(entities, entity_at(text, places, other_start, other_end, "tail"))
        case _:
            raise TypeError(f"not a relation: {str(item)[:60]}")
    return Relation(head.text, filled({"type": label}, "type"), tail.text, head.type, tail.type)


def _numbered(entities: Sequence[Entity], number: int) -> Entity:
    if not 0 <= number < len(entities):
        raise ValueError(f"no entity {number}; there are {len(entities)}")
    return entities[number]


def _known(entities: Sequence[Entity], end: Entity) -> Entity:
    for entity in entities:
        if (entity.start, entity.end) == (end.start, end.end):
            return entity
    raise ValueError(f"the {end.type} {end.text!r} of a relation is not among the entities")


def matches(sample: Sample) -> bool:
    """Whether the rows have tokens, entities and relations, and one of them an entity in either spelling."""
    rows = [row for row in sample.rows if {"tokens", "entities", "relations"} <= set(row)]
    return any(_looks_like_entity(item) for row in rows for item in listed_or_none(row["entities"]))


def listed_or_none(value: Any) -> list[Any]:
    """The list, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def _looks_like_entity(item: Any) -> bool:
    match item:
        case {"start": int(), "end": int(), "type": str()} | [int(), int(), str()]:
            return True
    return False


SPERT = Format("spert", read, matches, parse, flat=True)
