"""What an answer looks like before it is spelled: the contract between a task and a notation.

A task says the shape of its answers; a notation spells values of that shape, reads them back and
turns the shape into a grammar. Values are plain: str for Span, Choice and Id, float for Number, list for
Many and Slot, dict for Fields and Keyed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

MAX_ITEMS = 1024
"""Longest list a grammar admits: real answers have a tenth of it, and an endless one must end."""


@dataclass(frozen=True, slots=True)
class Span:
    """A string; `grounded` ones may only be substrings of the source text."""

    grounded: bool = True


@dataclass(frozen=True, slots=True)
class Slot:
    """The fillers of a role: a list of spans, usually none or one, so that a notation may spell it shorter."""

    grounded: bool = True
    limit: int = MAX_ITEMS


@dataclass(frozen=True, slots=True)
class Choice:
    """A string from a vocabulary, not from the text; any string where no options are named."""

    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A figure from 0 to 1 with at most two decimals."""


@dataclass(frozen=True, slots=True)
class Id:
    """A name by which one part of an answer refers to another; it says nothing else, so spelling renumbers it."""


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values of one shape."""

    of: "Shape"
    limit: int = MAX_ITEMS


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with fixed keys in a fixed order; those in `optional` may be left out."""

    fields: Mapping[str, "Shape"]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyed:
    """A mapping whose keys are spans, its values of one shape."""

    of: "Shape"
    grounded: bool = True
    limit: int = MAX_ITEMS


Shape: TypeAlias = Span | Slot | Choice | Number | Id | Many | Fields | Keyed
Value: TypeAlias = Any


def check(value: Value, shape: Shape, at: str = "answer") -> None:
    """Raise ValueError, naming the place, where `value` does not have `shape`. A missing key means none."""
    match shape:
        case Span() | Id():
            _check_string(value, at)
        case Choice(options=options):
            _check_string(value, at)
            if options and value not in options:
                raise ValueError(f"{at} is {value!r}, which is not among the choices")
        case Number():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{at} is {_kind(value)}, not a number")
            if not 0 <= value <= 1 or round(value, 2) != value:
                raise ValueError(f"{at} is {value!r}, not a number from 0 to 1 with at most two decimals")
        case Many(of=inner, limit=limit):
            _check_list(value, inner, limit, at)
        case Slot(grounded=grounded, limit=limit):
            _check_list(value, Span(grounded), limit, at)
        case Fields(fields=fields):
            _check_object(value, at)
            for key, item in value.items():
                if key not in fields:
                    raise ValueError(f"{at} has the key {key!r}, which was not asked for")
                check(item, fields[key], f"{at}.{key}")
        case Keyed(of=inner, limit=limit):
            _check_object(value, at)
            _check_size(value, limit, at)
            for key, item in value.items():
                _check_string(key, f"a key of {at}")
                check(item, inner, f"{at}.{key}")


def _check_string(value: Value, at: str) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{at} is {_kind(value)}, not a string")
    value.encode()  # UnicodeEncodeError, a ValueError: no file can hold half of a surrogate pair


def _check_list(value: Value, inner: Shape, limit: int, at: str) -> None:
    if not isinstance(value, list):
        raise ValueError(f"{at} is {_kind(value)}, not a list")
    _check_size(value, limit, at)
    for number, item in enumerate(value):
        check(item, inner, f"{at}[{number}]")


def _check_object(value: Value, at: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{at} is {_kind(value)}, not an object")


def _check_size(value: Value, limit: int, at: str) -> None:
    if len(value) > limit:
        raise ValueError(f"{at} has {len(value)} items, more than {limit}")


def _kind(value: Value) -> str:
    return "an empty string" if value == "" else f"a {type(value).__name__}"
