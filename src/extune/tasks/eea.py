"""EEA: event arguments. The answer is {type: [{role: fillers}, ...]}, every asked type a key.

The question names every event type with its roles, never a gold trigger or the gold types: what is asked of a
text at serving time must not say what it holds. Instruction texts: DeepKE-LLM / IEPile, whose
English one still speaks of triggers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..records import Event, Record
from ..schema import Schema
from ..shapes import Fields, Many, Value
from . import event
from .task import Task, unique


def key(one: Event) -> tuple[str, ...]:
    """Type and every role with its text; the trigger does not count."""
    return event.key(replace(one, trigger=""))


def items(record: Record) -> tuple[Event, ...]:
    """The record's events that have arguments, without their triggers."""
    return tuple(replace(one, trigger="") for one in record.events if one.arguments)


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{type: [{role: fillers}]}"""
    return Fields({name: Many(event.roles_shape(name, schema)) for name in labels})


def encode(events: Iterable[Event], labels: Sequence[str], schema: Schema) -> Value:
    """Arguments of each event by asked type, in the given order, each event once."""
    answer: dict[str, list[Value]] = {name: [] for name in labels}
    for one in unique(events, key):
        if one.event_type in answer and (arguments := event.encode_arguments(one, schema)):
            answer[one.event_type].append(arguments)
    return answer


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Event, ...]:
    """The events of an answer, by type in the asked order; one without arguments is none."""
    found = (Event(name, "", tuple(event.decode_arguments(one))) for name in labels for one in value.get(name, ()))
    return tuple(unique((one for one in found if one.arguments), key))


EEA = Task(
    name="EEA",
    labels=event.labels,
    items=items,
    with_items=lambda record, events: event.with_items(record, (replace(one, trigger="") for one in events)),
    label=event.label,
    key=key,
    spans=event.fillers,
    known=event.known,
    question=event.asked,
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=event.to_json,
    from_json=event.from_json,
    section="events",
    instructions={
        "iepile_json": {
            "zh": "你是专门进行事件论元提取的专家。请从input中抽取出符合schema定义的事件论元及论元角色，"
            "不存在的论元返回NAN或空字典，如果论元存在多值请返回列表。请按照JSON字符串的格式回答。",
            "en": "You are an expert in event argument extraction. Please extract event arguments and their roles from "
            "the input that conform to the schema definition, which already includes event trigger words. If an "
            "argument does not exist, return NAN or an empty dictionary. Please respond in the format of a JSON "
            "string.",
        },
    },
)
