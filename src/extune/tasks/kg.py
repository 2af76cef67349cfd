"""KG: entities with attributes. The answer is {entity type: {entity: {attribute: values}}}, every asked type a key.

A relation is an attribute of its head; all entity types are asked for, and what a text does not say is left out.
Instruction texts: DeepKE-LLM / IEPile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ..records import Record, Relation
from ..schema import Schema
from ..shapes import Fields, Keyed, Slot, Value
from . import relation
from .task import Locate, Question, Task, described, explained, unique


def key(item: Relation) -> tuple[str, ...]:
    """Head with its type, attribute, value."""
    return (item.head_type or "", item.head, item.relation, item.tail)


def attributes_of(schema: Schema) -> Mapping[str, tuple[str, ...]]:
    """Attributes by entity type: the schema's own, else what its typed triples imply."""
    return schema.attributes or _implied(schema.triples)


@lru_cache(maxsize=4)  # every row of a build asks for the same ones
def _implied(triples: tuple[tuple[str, str, str], ...]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for head, attribute, _ in triples:
        found.setdefault(head, {})[attribute] = None
    return {head: tuple(attributes) for head, attributes in found.items()}


def items(record: Record) -> tuple[Relation, ...]:
    """The record's relations whose head has a type."""
    return tuple(item for item in record.relations if item.head_type)


def known(item: Relation, schema: Schema) -> bool:
    """Whether the schema has the head's type and, of that type, the attribute."""
    return item.relation in attributes_of(schema).get(item.head_type or "", ())


def question(labels: Sequence[str], schema: Schema) -> Question:
    """[{entity_type, attributes}]"""
    return [
        {"entity_type": name, "attributes": _attributes(name, schema), **explained(schema, name)} for name in labels
    ]


def _attributes(name: str, schema: Schema) -> Question:
    """The attributes as a list, or as {attribute: description} where the schema describes one."""
    return described(attributes_of(schema).get(name, ()), schema)


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{type: {entity: {attribute: values}}}"""
    return Fields({name: Keyed(_entity(name, schema), schema.grounded) for name in labels})


def _entity(name: str, schema: Schema) -> Fields:
    attributes = tuple(attributes_of(schema).get(name, ()))
    return Fields({attribute: Slot(schema.grounded) for attribute in attributes}, optional=attributes)


def encode(relations: Iterable[Relation], labels: Sequence[str], schema: Schema) -> Value:
    """Entities by asked type with the attributes they have, in the given order."""
    answer: dict[str, dict[str, dict[str, list[str]]]] = {name: {} for name in labels}
    for item in unique(relations, key):
        if item.head_type in answer and known(item, schema):
            answer[item.head_type].setdefault(item.head, {}).setdefault(item.relation, []).append(item.tail)
    return answer


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Relation, ...]:
    """The attributes of an answer as relations, by type in the asked order."""
    found = (
        Relation(entity, attribute, filler, name)
        for name in labels
        for entity, attributes in value.get(name, {}).items()
        for attribute, fillers in attributes.items()
        for filler in fillers
    )
    return tuple(unique(found, key))


def to_json(item: Relation, locate: Locate) -> dict[str, Any]:
    """As a relation, with the type of its head."""
    return {**relation.to_json(item, locate), "head_type": item.head_type}


def from_json(row: Mapping[str, Any]) -> Relation:
    """The inverse of `to_json`."""
    return replace(relation.from_json(row), head_type=row["head_type"])


KG = Task(
    name="KG",
    labels=lambda schema: tuple(attributes_of(schema)),
    items=items,
    with_items=relation.with_items,
    label=lambda item: item.head_type or "",
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
    instructions={
        "iepile_json": {
            "zh": "你是一个图谱实体知识结构化专家。根据输入实体类型(entity type)的schema描述，从文本中抽取出相应的"
            "实体实例和其属性信息，不存在的属性不输出, 属性存在多值就返回列表，并输出为可解析的json格式。",
            "en": "You are an expert in structured knowledge systems for graph entities. Based on the schema "
            "description of the input entity type, you extract the corresponding entity instances and their attribute "
            "information from the text. Attributes that do not exist should not be output. If an attribute has "
            "multiple values, a list should be returned. The results should be output in a parsable JSON format.",
        },
    },
)
