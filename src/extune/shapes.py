"""What an answer looks like before it is spelled: the contract between a task and a notation.

A task says the shape of its answers; a notation spells values of that shape, reads them back and
turns the shape into a grammar. Values are plain: str for Span, list for Many, dict for Fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

MAX_ITEMS = 128
"""Longest list a grammar admits: real answers have a tenth of it, and an endless one must end."""


@dataclass(frozen=True, slots=True)
class Span:
    """A string; `grounded` ones may only be substrings of the source text."""

    grounded: bool = True


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values of one shape."""

    of: "Shape"
    limit: int = MAX_ITEMS


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with fixed keys in a fixed order."""

    fields: Mapping[str, "Shape"]


Shape: TypeAlias = Span | Many | Fields
Value: TypeAlias = Any


def check(value: Value, shape: Shape, at: str = "answer") -> None:
    """Raise ValueError, naming the place, where `value` does not have `shape`. A missing key means none."""
    match shape:
        case Span():
            if not isinstance(value, str) or not value:
                raise ValueError(f"{at} is {_kind(value)}, not a string")
            value.encode()  # UnicodeEncodeError, a ValueError: no file can hold half of a surrogate pair
        case Many(of=inner, limit=limit):
            if not isinstance(value, list):
                raise ValueError(f"{at} is {_kind(value)}, not a list")
            if len(value) > limit:
                raise ValueError(f"{at} has {len(value)} items, more than {limit}")
            for number, item in enumerate(value):
                check(item, inner, f"{at}[{number}]")
        case Fields(fields=fields):
            if not isinstance(value, dict):
                raise ValueError(f"{at} is {_kind(value)}, not an object")
            for key, item in value.items():
                if key not in fields:
                    raise ValueError(f"{at} has the key {key!r}, which was not asked for")
                check(item, fields[key], f"{at}.{key}")


def _kind(value: Value) -> str:
    return "an empty string" if value == "" else f"a {type(value).__name__}"
