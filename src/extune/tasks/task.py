"""The functions that make a task; training, serving and scoring all go through them, so they cannot drift."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..records import Record
from ..schema import Schema
from ..shapes import Fields, Value

Item: TypeAlias = Any
Question: TypeAlias = Any
"""JSON: a list of labels or of objects, or an object of labels and their descriptions."""
Locate: TypeAlias = Callable[[str], dict[str, Any]]
"""A string of the answer -> {"text", "start", "end"}; start is None where it is not in the text."""


@dataclass(frozen=True, repr=False)
class Task:
    """One extraction task.

    `labels(schema)`: all labels the schema lets us ask; none where the vocabulary is open.
    `asked(record, schema)`: what to ask about a record when it is served; usually all labels.
    `known(item, schema)`: whether the schema has everything the item names.
    `items` / `with_items`: read and write a record's annotations.
    `label`, `key`, `spans` of an item: its type, its strict identity, the strings that must be in the text.
    `question(labels, schema)`: the asked labels as a prompt states them, JSON.
    `encode(items, labels, schema)` -> value of `shape(labels, schema)`; `decode` is its inverse.
    `section`: the key of an extraction's JSON that holds the items.
    `instructions`: what is asked of the model, by notation and language.
    """

    name: str
    labels: Callable[[Schema], tuple[str, ...]]
    items: Callable[[Record], tuple[Item, ...]]
    with_items: Callable[[Record, Iterable[Item]], Record]
    label: Callable[[Item], str]
    key: Callable[[Item], tuple[str, ...]]
    spans: Callable[[Item], tuple[str, ...]]
    known: Callable[[Item, Schema], bool]
    question: Callable[[Sequence[str], Schema], Question]
    shape: Callable[[Sequence[str], Schema], Fields]
    encode: Callable[[Iterable[Item], Sequence[str], Schema], Value]
    decode: Callable[[Value, Sequence[str], Schema], tuple[Item, ...]]
    to_json: Callable[[Item, Locate], dict[str, Any]]
    from_json: Callable[[Mapping[str, Any]], Item]
    section: str
    instructions: Mapping[str, Mapping[str, str]]
    asked: Callable[[Record, Schema], tuple[str, ...]] | None = None

    def __repr__(self) -> str:
        return f"Task({self.name})"

    def ask(self, record: Record, schema: Schema) -> tuple[str, ...]:
        """What to ask about a record when it is served."""
        return self.asked(record, schema) if self.asked else self.labels(schema)


def unique(items: Iterable[Item], key: Callable[[Item], tuple[str, ...]]) -> list[Item]:
    """The items without repetitions, first occurrence kept."""
    seen: dict[tuple[str, ...], Item] = {}
    for item in items:
        seen.setdefault(key(item), item)
    return list(seen.values())


def described(labels: Sequence[str], schema: Schema) -> Question:
    """The labels as a list; as {label: description} where the schema describes one of them (OneKE's form)."""
    if not any(label in schema.descriptions for label in labels):
        return list(labels)
    return {label: schema.descriptions.get(label, "") for label in labels}


def explained(schema: Schema, *names: str) -> dict[str, str]:
    """{"description": ...} of the first of these names that the schema describes, else {}."""
    return next(({"description": schema.descriptions[name]} for name in names if name in schema.descriptions), {})
