"""EE: whole events. The answer is {type: [{trigger, arguments: {role: fillers}}, ...]}, every asked type a key.

Instruction texts: DeepKE-LLM / IEPile.
"""

from collections.abc import Iterable, Sequence

from ..records import Event, Record
from ..schema import Schema
from ..shapes import Fields, Many, Slot, Value
from . import event
from .task import Task, unique


def items(record: Record) -> tuple[Event, ...]:
    """The events that say something: a trigger, an argument or both."""
    return tuple(one for one in record.events if one.trigger or one.arguments)


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{type: [{trigger, arguments}]}"""
    return Fields(
        {
            name: Many(
                Fields({"trigger": Slot(schema.grounded, limit=1), "arguments": event.roles_shape(name, schema)})
            )
            for name in labels
        }
    )


def encode(events: Iterable[Event], labels: Sequence[str], schema: Schema) -> Value:
    """Events by asked type, in the given order, each once."""
    answer: dict[str, list[Value]] = {name: [] for name in labels}
    for one in unique(events, event.key):
        if one.event_type in answer:
            trigger = [one.trigger] if one.trigger else []
            answer[one.event_type].append(
                {"trigger": trigger, "arguments": event.encode_arguments(one, schema)},
            )
    return answer


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Event, ...]:
    """The events of an answer, by type in the asked order; one that says nothing is no event."""
    found = (
        Event(name, "".join(one.get("trigger", ())), tuple(event.decode_arguments(one.get("arguments", {}))))
        for name in labels
        for one in value.get(name, ())
    )
    return tuple(unique((one for one in found if one.trigger or one.arguments), event.key))


EE = Task(
    name="EE",
    labels=event.labels,
    items=items,
    with_items=event.with_items,
    label=event.label,
    key=event.key,
    spans=event.spans,
    known=event.known,
    question=lambda labels, schema: event.asked(labels, schema, trigger=True),
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=event.to_json,
    from_json=event.from_json,
    section="events",
    instructions={
        "iepile_json": {
            "zh": "你是专门进行事件提取的专家。请从input中抽取出符合schema定义的事件，不存在的事件返回空列表，"
            "不存在的论元返回NAN，如果论元存在多值请返回列表。请按照JSON字符串的格式回答。",
            "en": "You are an expert in event extraction. Please extract events from the input that conform to the "
            "schema definition. Return an empty list for events that do not exist, and return NAN for arguments that "
            "do not exist. If an argument has multiple values, please return a list. Respond in the format of a JSON "
            "string.",
        },
    },
)
