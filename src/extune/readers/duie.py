"""DuIE 1.0 and 2.0: {"text", "spo_list": [{subject, subject_type, predicate, object, object_type}]}.

`object` is a string (1.0) or {"@value": ..., SLOT: ...} (2.0), and `object_type` alike. Each slot becomes a relation
of its own from the same subject: `predicate` for `@value`, `predicate_SLOT` for the others (`饰演_inWork`).
https://ai.baidu.com/broad/introduction?dataset=duie
"""

from collections.abc import Iterator
from pathlib import Path

from ..records import Record, Rejected, Relation
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, objects, read_lines, string

VALUE = "@value"


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row; a row without `spo_list`, of an unlabelled test file, is rejected."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row; a triple that stands twice is kept once. Raises KeyError, TypeError, ValueError."""
    if "spo_list" not in row:
        raise KeyError("spo_list")
    text = filled(row, "text")
    found = dict.fromkeys(triple for spo in objects(row, "spo_list") for triple in relations(spo))
    return Record(identifier(row), text, language(row, text), relations=tuple(found), where=where)


def relations(spo: Row) -> Iterator[Relation]:
    """One relation for each slot of the object; an empty slot other than `@value` says that there is none."""
    head, head_type, predicate = (filled(spo, name) for name in ("subject", "subject_type", "predicate"))
    values, types = slots(spo, "object"), slots(spo, "object_type")
    filled(values, VALUE)
    for slot in values:
        if string(values, slot).strip():
            yield Relation(head, relation_name(predicate, slot), values[slot], head_type, filled(types, slot))


def slots(spo: Row, name: str) -> Row:
    """A field as {slot: string}; a plain string is the value. Raises KeyError, TypeError."""
    return spo[name] if isinstance(spo.get(name), dict) else {VALUE: string(spo, name)}


def relation_name(predicate: str, slot: str) -> str:
    """The relation that a slot of a predicate becomes."""
    return predicate if slot == VALUE else f"{predicate}_{slot}"


def matches(sample: Sample) -> bool:
    """Whether a row has triples as objects with a predicate."""
    return any("text" in row and _has_triple(row.get("spo_list")) for row in sample.rows)


def _has_triple(items: object) -> bool:
    return isinstance(items, list) and any(
        isinstance(item, dict) and {"predicate", "subject"} <= set(item) for item in items
    )


DUIE = Format("duie", read, matches, parse, flat=True)
