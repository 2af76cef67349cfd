"""The functions that make a task; training, serving and scoring all go through them, so they cannot drift."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..records import Record
from ..schema import Schema
from ..shapes import Fields, Value

Item: TypeAlias = Any
Locate: TypeAlias = Callable[[str], dict[str, Any]]
"""A string of the answer -> {"text", "start", "end"}; start is None where it is not in the text."""


@dataclass(frozen=True)
class Task:
    """One extraction task.

    `labels`: what the schema lets us ask. `items` / `with_items`: read and write a record's annotations.
    `label`, `key`, `spans` of an item: its type, its strict identity, the strings that must be in the text.
    `encode(items, labels)` -> value of `shape(labels, grounded)`; `decode` is its inverse.
    `instructions`: what is asked of the model, by language, for each family of notations.
    """

    name: str
    labels: Callable[[Schema], tuple[str, ...]]
    items: Callable[[Record], tuple[Item, ...]]
    with_items: Callable[[Record, Iterable[Item]], Record]
    label: Callable[[Item], str]
    key: Callable[[Item], tuple[str, ...]]
    spans: Callable[[Item], tuple[str, ...]]
    shape: Callable[[Sequence[str], bool], Fields]
    encode: Callable[[Iterable[Item], Sequence[str]], Value]
    decode: Callable[[Value, Sequence[str]], tuple[Item, ...]]
    to_json: Callable[[Item, Locate], dict[str, Any]]
    from_json: Callable[[Mapping[str, Any]], Item]
    section: str
    """The key of an extraction's JSON that holds the items: `entities`, `relations`."""
    instructions: Mapping[str, Mapping[str, str]]


def unique(items: Iterable[Item], key: Callable[[Item], tuple[str, ...]]) -> list[Item]:
    """The items without repetitions, first occurrence kept."""
    seen: dict[tuple[str, ...], Item] = {}
    for item in items:
        seen.setdefault(key(item), item)
    return list(seen.values())
