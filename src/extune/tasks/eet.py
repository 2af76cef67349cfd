"""EET: event triggers. The answer is {type: [trigger, ...]}, every asked type a key.

Instruction texts: DeepKE-LLM / IEPile.
"""

from collections.abc import Iterable, Sequence

from ..records import Event, Record
from ..schema import Schema
from ..shapes import Fields, Many, Span, Value
from . import event
from .task import Task, described, unique


def key(one: Event) -> tuple[str, ...]:
    """Type and trigger."""
    return (one.event_type, one.trigger)


def items(record: Record) -> tuple[Event, ...]:
    """The record's events that have a trigger, without their arguments."""
    return tuple(Event(one.event_type, one.trigger) for one in record.events if one.trigger)


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{type: [trigger]}"""
    return Fields({name: Many(Span(schema.grounded)) for name in labels})


def encode(events: Iterable[Event], labels: Sequence[str], schema: Schema) -> Value:
    """Triggers by asked type, in the given order, each once."""
    answer: dict[str, list[str]] = {name: [] for name in labels}
    for one in unique(events, key):
        if one.event_type in answer and one.trigger:
            answer[one.event_type].append(one.trigger)
    return answer


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Event, ...]:
    """The triggers of an answer, by type in the asked order."""
    found = (Event(name, trigger) for name in labels for trigger in value.get(name, ()))
    return tuple(unique(found, key))


EET = Task(
    name="EET",
    labels=event.labels,
    items=items,
    with_items=event.with_items,
    label=event.label,
    key=key,
    spans=lambda one: (one.trigger,),
    known=lambda one, schema: one.event_type in schema.events,
    question=described,
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=event.to_json,
    from_json=event.from_json,
    section="events",
    instructions={
        "iepile_json": {
            "zh": "你是专门进行事件提取的专家。请从input中抽取出符合schema定义的事件类型及事件触发词，"
            "不存在的事件返回空列表。请按照JSON字符串的格式回答。",
            "en": "You are an expert in event extraction. Please extract event types and event trigger words from the "
            "input that conform to the schema definition. Return an empty list for non-existent events. Please "
            "respond in the format of a JSON string.",
        },
        "entity_lines": {
            "zh": "请从文本中抽取下列类型事件的触发词，每行一个，写作“触发词_类型”；没有事件时回答“没有”。",
            "en": "Extract the triggers of events of the types below from the text, one trigger_type a line; answer "
            "没有 if there are none.",
        },
        "tags": {
            "zh": "请原样重写文本，把其中下列类型事件的触发词写作<类型>触发词</类型>。",
            "en": "Write the text again word for word, with each trigger of an event of the types below as "
            "<type>trigger</type>.",
        },
    },
)
