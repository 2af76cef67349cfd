"""CTINexus: a folder of JSON files, one threat report each: {"text", "explicit_triplets", "entities"}.

Triplets are {subject, relation, object}, entities {entity_name, entity_type, mentions: [other names]}. An entity or
mention that stands in the text becomes an Entity at its first place; one that does not only gives its type to the
ends of relations. `implicit_triplets` (links between co-referring entities, not told by the text) are not kept.
https://github.com/peng-gao-lab/CTINexus
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..records import Entity, Record, Rejected, Relation
from .documents import SUFFIXES, first_rows, json_files
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, objects, read_lines
from .lines import listed as strings


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a file (or a row of it); the name of the file is the id."""
    return identified(_named(result, file) for file in json_files(path) for result in read_lines(file, parse))


def _named(result: Record | Rejected, file: Path) -> Record | Rejected:
    if isinstance(result, Rejected) or result.id:
        return result
    suffix = next((suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if file.name.endswith(suffix)), "")
    return replace(result, id=file.name.removesuffix(suffix))


def parse(row: Row, where: str) -> Record:
    """A Record from one report. Raises KeyError, TypeError, ValueError on another shape."""
    if "explicit_triplets" not in row:
        raise KeyError("explicit_triplets")
    text = filled(row, "text")
    names = tuple(pair for item in objects(row, "entities") for pair in named(item))
    types = dict(reversed(names))
    found = dict.fromkeys(Entity(n, kind, at, at + len(n)) for n, kind in names if (at := text.find(n)) >= 0)
    relations = tuple(relation(item, types) for item in objects(row, "explicit_triplets"))
    return Record(identifier(row), text, language(row, text), tuple(found), relations, where=where)


def named(item: Row) -> Iterator[tuple[str, str]]:
    """(name, type) of an entity's name and of each of its mentions."""
    kind = filled(item, "entity_type")
    yield filled(item, "entity_name"), kind
    for mention in strings(item, "mentions"):
        yield filled({"mentions": mention}, "mentions"), kind


def relation(item: Row, types: dict[str, str]) -> Relation:
    """{subject, relation, object}, with the types of its ends where they are entities."""
    head, label, tail = (filled(item, name) for name in ("subject", "relation", "object"))
    return Relation(head, label, tail, types.get(head), types.get(tail))


def matches(sample: Sample) -> bool:
    """Whether the rows, or the first file of a folder, look like it."""
    return any({"text", "explicit_triplets", "entities"} <= set(row) for row in first_rows(sample))


CTINEXUS = Format("ctinexus", read, matches, parse)
