"""NER: typed mentions. The answer is {type: [mention, ...]}, every asked type a key.

Instruction texts: DeepKE-LLM / IEPile (their models were trained with exactly these).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..records import Entity, Record
from ..schema import Schema
from ..shapes import Fields, Many, Span, Value
from .task import Locate, Task, described, unique


def key(entity: Entity) -> tuple[str, ...]:
    """Text and type: where it stands does not count, since a generated answer does not say."""
    return (entity.text, entity.type)


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{label: [span]}"""
    return Fields({label: Many(Span(schema.grounded)) for label in labels})


def encode(entities: Iterable[Entity], labels: Sequence[str], schema: Schema) -> Value:
    """Mentions by asked label, in the given order, each once."""
    answer: dict[str, list[str]] = {label: [] for label in labels}
    for entity in unique(entities, key):
        if entity.type in answer:
            answer[entity.type].append(entity.text)
    return answer


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Entity, ...]:
    """The mentions of an answer, by label in the asked order."""
    found = (Entity(text, label) for label in labels for text in value.get(label, ()))
    return tuple(unique(found, key))


def with_items(record: Record, entities: Iterable[Entity]) -> Record:
    """The record with these entities in place of its own."""
    return replace(record, entities=tuple(entities))


def to_json(entity: Entity, locate: Locate) -> dict[str, Any]:
    """As in every extraction: type, text, start, end, mentions."""
    return {"type": entity.type, **locate(entity.text)}


def from_json(row: Mapping[str, Any]) -> Entity:
    """The inverse of `to_json`."""
    return Entity(row["text"], row["type"], row.get("start"), row.get("end"))


NER = Task(
    name="NER",
    labels=lambda schema: schema.entities,
    items=lambda record: record.entities,
    with_items=with_items,
    label=lambda entity: entity.type,
    key=key,
    spans=lambda entity: (entity.text,),
    known=lambda entity, schema: entity.type in schema.entities,
    question=described,
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=to_json,
    from_json=from_json,
    section="entities",
    instructions={
        "iepile_json": {
            "zh": "你是专门进行实体抽取的专家。请从input中抽取出符合schema定义的实体，"
            "不存在的实体类型返回空列表。请按照JSON字符串的格式回答。",
            "en": "You are an expert in named entity recognition. Please extract entities that match the schema "
            "definition from the input. Return an empty list if the entity type does not exist. Please respond in "
            "the format of a JSON string.",
        },
        "entity_lines": {
            "zh": "请从文本中抽取下列类型的实体，每行一个，写作“实体_类型”；没有实体时回答“没有”。",
            "en": "Extract the entities of the types below from the text, one mention_type a line; answer 没有 if "
            "there are none.",
        },
        "tags": {
            "zh": "请原样重写文本，把其中下列类型的实体写作<类型>实体</类型>。",
            "en": "Write the text again word for word, with each entity of the types below as <type>entity</type>.",
        },
    },
)
