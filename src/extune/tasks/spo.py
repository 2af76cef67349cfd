"""SPO: typed triples. A label is a whole triple of types, the answer {predicate: [{subject, object}, ...]}.

Where two asked triples share a predicate, their labels are the keys instead: no triple is lost and its types
come back. Instruction texts: DeepKE-LLM / IEPile.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ..records import Record, Relation
from ..schema import Schema
from ..shapes import Fields, Many, Span, Value
from . import relation
from .task import Locate, Question, Task, explained, unique

Triple = tuple[str, str, str]


def joined(triple: Triple) -> str:
    """The label of a typed triple in IEPile's schemas: `head type_relation_tail type`."""
    return "_".join(triple)


def label(item: Relation) -> str:
    """The joined types and predicate; an end without a type has an empty one."""
    return joined(_types(item))


def _types(item: Relation) -> Triple:
    return (item.head_type or "", item.relation, item.tail_type or "")


def key(item: Relation) -> tuple[str, ...]:
    """The triple with both types."""
    return (item.head, item.head_type or "", item.relation, item.tail, item.tail_type or "")


def known(item: Relation, schema: Schema) -> bool:
    """Whether the schema has the triple; one without both types can never be asked for."""
    return bool(item.head_type and item.tail_type) and _types(item) in schema.triples


def _asked(labels: Sequence[str], schema: Schema) -> Mapping[str, tuple[str, Triple]]:
    """Label -> the key of its triples in the answer, and its triple."""
    return _keyed(tuple(labels), schema.triples)


@lru_cache(maxsize=1024)  # the rows of a build ask for the same groups again and again
def _keyed(labels: tuple[str, ...], triples: tuple[Triple, ...]) -> Mapping[str, tuple[str, Triple]]:
    """A label that the schema lacks is a predicate without types."""
    by_label = {joined(triple): triple for triple in reversed(triples)}
    asked = {name: by_label.get(name, ("", name, "")) for name in labels}
    often = Counter([*(predicate for _, predicate, _ in asked.values()), *asked])
    return {
        name: (triple[1] if often[triple[1]] == 1 or triple[1] == name else name, triple)
        for name, triple in asked.items()
    }


def question(labels: Sequence[str], schema: Schema) -> Question:
    """[{subject_type, predicate, object_type}], as in IEPile."""
    return [
        {"subject_type": head, "predicate": predicate, "object_type": tail, **explained(schema, name, predicate)}
        for name, (_, (head, predicate, tail)) in _asked(labels, schema).items()
    ]


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{predicate: [{subject, object}]}"""
    pair = Fields({"subject": Span(schema.grounded), "object": Span(schema.grounded)})
    return Fields({name: Many(pair) for name, _ in _asked(labels, schema).values()})


def encode(relations: Iterable[Relation], labels: Sequence[str], schema: Schema) -> Value:
    """Triples by asked label, in the given order, each once."""
    asked = _asked(labels, schema)
    answer: dict[str, list[dict[str, str]]] = {name: [] for name, _ in asked.values()}
    for item in unique(relations, key):
        if label(item) in asked:
            answer[asked[label(item)][0]].append({"subject": item.head, "object": item.tail})
    return answer


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Relation, ...]:
    """The triples of an answer, by label in the asked order; one without both ends is not a triple."""
    found = (
        Relation(pair["subject"], predicate, pair["object"], head or None, tail or None)
        for name, (head, predicate, tail) in _asked(labels, schema).values()
        for pair in value.get(name, ())
        if "subject" in pair and "object" in pair
    )
    return tuple(unique(found, key))


def to_json(item: Relation, locate: Locate) -> dict[str, Any]:
    """As a relation, with the types of its ends."""
    return {**relation.to_json(item, locate), "head_type": item.head_type, "tail_type": item.tail_type}


def from_json(row: Mapping[str, Any]) -> Relation:
    """The inverse of `to_json`."""
    return replace(relation.from_json(row), head_type=row["head_type"], tail_type=row["tail_type"])


def items(record: Record) -> tuple[Relation, ...]:
    """All triples, typed or not."""
    return record.relations


SPO = Task(
    name="SPO",
    labels=lambda schema: tuple(dict.fromkeys(map(joined, schema.triples))),
    items=items,
    with_items=relation.with_items,
    label=label,
    key=key,
    spans=lambda item: (item.head, item.tail),
    known=known,
    question=question,
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=to_json,
    from_json=from_json,
    section="relations",
    instructions={"iepile_json": relation.RE.instructions["iepile_json"]},
)
