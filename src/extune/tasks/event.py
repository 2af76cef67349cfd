"""What the three event tasks share: the schema's roles, an event as a value, the JSON of an event."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..records import Argument, Event, Record
from ..schema import Schema
from ..shapes import Fields, Slot, Value
from .task import Locate, explained


def labels(schema: Schema) -> tuple[str, ...]:
    """All event types."""
    return tuple(schema.events)


def label(event: Event) -> str:
    """The event type."""
    return event.event_type


def key(event: Event) -> tuple[str, ...]:
    """Type, trigger and every role with its text, whatever their order."""
    pairs = sorted({(argument.role, argument.text) for argument in event.arguments})
    return (event.event_type, event.trigger, *(part for pair in pairs for part in pair))


def spans(event: Event) -> tuple[str, ...]:
    """The trigger, if there is one, and the texts of the arguments."""
    return (*filter(None, (event.trigger,)), *fillers(event))


def fillers(event: Event) -> tuple[str, ...]:
    """The texts of the arguments, each once a role, as in `key`."""
    return tuple(text for _, text in dict.fromkeys((argument.role, argument.text) for argument in event.arguments))


def known(event: Event, schema: Schema) -> bool:
    """Whether the schema has the type and, of that type, every role."""
    roles = schema.events.get(event.event_type)
    return roles is not None and all(argument.role in roles for argument in event.arguments)


def with_items(record: Record, events: Iterable[Event]) -> Record:
    """The record with these events in place of its own."""
    return replace(record, events=tuple(events))


def asked(labels: Sequence[str], schema: Schema, **more: Any) -> list[dict[str, Any]]:
    """[{event_type, arguments}] of the labels, as in IEPile; `more` stands between the two."""
    return [
        {
            "event_type": name,
            **more,
            "arguments": list(schema.events.get(name, ())),
            **explained(schema, name),
        }
        for name in labels
    ]


def roles_shape(event_type: str, schema: Schema) -> Fields:
    """{role: fillers}, any of the type's roles."""
    roles = tuple(schema.events.get(event_type, ()))
    return Fields({role: Slot(schema.grounded) for role in roles}, optional=roles)


def encode_arguments(event: Event, schema: Schema) -> Value:
    """Every role of the type with its fillers, or {} if none is filled."""
    fillers: dict[str, list[str]] = {role: [] for role in schema.events.get(event.event_type, ())}
    for argument in dict.fromkeys(event.arguments):
        if argument.role in fillers:
            fillers[argument.role].append(argument.text)
    return fillers if any(fillers.values()) else {}


def decode_arguments(value: Value) -> Iterator[Argument]:
    """The arguments in the order of the roles."""
    for role, fillers in value.items():
        yield from (Argument(role, filler) for filler in dict.fromkeys(fillers))


def to_json(event: Event, locate: Locate) -> dict[str, Any]:
    """As in every extraction: type, trigger (null where there is none) and arguments with their offsets."""
    return {
        "event_type": event.event_type,
        "trigger": locate(event.trigger) if event.trigger else None,
        "arguments": [{"role": argument.role, **locate(argument.text)} for argument in event.arguments],
    }


def from_json(row: Mapping[str, Any]) -> Event:
    """The inverse of `to_json`."""
    trigger = row["trigger"]["text"] if row["trigger"] else ""
    return Event(row["event_type"], trigger, tuple(Argument(a["role"], a["text"]) for a in row["arguments"]))
