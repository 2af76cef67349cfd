"""RE: relation triples. The answer is {relation: [{head, tail}, ...]}, every asked relation a key.

Instruction texts: DeepKE-LLM / IEPile for JSON, the ChatGLM-6B triple projects' for lines of triples.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..records import Record, Relation
from ..schema import Schema
from ..shapes import Fields, Many, Span, Value
from .task import Locate, Task, described, unique


def key(relation: Relation) -> tuple[str, ...]:
    """Head, relation, tail: the strict identity of a triple."""
    return (relation.head, relation.relation, relation.tail)


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{label: [{head, tail}]}"""
    triple = Fields({"head": Span(schema.grounded), "tail": Span(schema.grounded)})
    return Fields({label: Many(triple) for label in labels})


def encode(relations: Iterable[Relation], labels: Sequence[str], schema: Schema) -> Value:
    """Triples by asked label, in the given order, each once."""
    answer: dict[str, list[dict[str, str]]] = {label: [] for label in labels}
    for relation in unique(relations, key):
        if relation.relation in answer:
            answer[relation.relation].append({"head": relation.head, "tail": relation.tail})
    return answer


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Relation, ...]:
    """The triples of an answer, by label in the asked order; one without both ends is not a triple."""
    found = (
        Relation(pair["head"], label, pair["tail"])
        for label in labels
        for pair in value.get(label, ())
        if "head" in pair and "tail" in pair
    )
    return tuple(unique(found, key))


def with_items(record: Record, relations: Iterable[Relation]) -> Record:
    """The record with these relations in place of its own."""
    return replace(record, relations=tuple(relations))


def to_json(relation: Relation, locate: Locate) -> dict[str, Any]:
    """As in every extraction: relation, head and tail with their offsets."""
    return {"relation": relation.relation, "head": locate(relation.head), "tail": locate(relation.tail)}


def from_json(row: Mapping[str, Any]) -> Relation:
    """The inverse of `to_json`."""
    return Relation(row["head"]["text"], row["relation"], row["tail"]["text"])


RE = Task(
    name="RE",
    labels=lambda schema: schema.relations,
    items=lambda record: record.relations,
    with_items=with_items,
    label=lambda relation: relation.relation,
    key=key,
    spans=lambda relation: (relation.head, relation.tail),
    known=lambda relation, schema: relation.relation in schema.relations,
    question=described,
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=to_json,
    from_json=from_json,
    section="relations",
    instructions={
        "iepile_json": {
            "zh": "你是专门进行关系抽取的专家。请从input中抽取出符合schema定义的关系三元组，"
            "不存在的关系返回空列表。请按照JSON字符串的格式回答。",
            "en": "You are an expert in relationship extraction. Please extract relationship triples that match the "
            "schema definition from the input. Return an empty list for relationships that do not exist. Please "
            "respond in the format of a JSON string.",
        },
        "triple_lines": {
            "zh": "请从以下文本中抽取所有的三元组，格式为(主体, 关系, 客体)：",
            "en": "Extract all triples from the following text, as (head, relation, tail):",
        },
    },
)
