"""Matching predicted items with gold ones in linear time, in any order, a chunk at a time.

What is left to match is a dict: in match mode normal, how often each gold item is still free (predicting one too often
is wrong); in match mode set, whether an item is gold and not yet predicted.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Left: TypeAlias = dict[Any, int]
Match: TypeAlias = tuple[Callable[[Sequence[Any]], Left], Callable[[Left, Sequence[Any]], tuple[int, int]]]
"""Gold items -> what is left; what is left and predicted items -> (right, predicted), and less is left."""


def free(items: Sequence[Any]) -> Left:
    """Each gold item as often as it stands."""
    left: Left = {}
    try:
        for item in items:
            left[item] = left.get(item, 0) + 1
    except TypeError:
        return free([*map(hashable, items)])
    return left


def take(left: Left, items: Sequence[Any]) -> tuple[int, int]:
    """Match by multiset."""
    right = 0
    packed: bool | None = None
    for item in items if left else ():
        try:
            times = left.get(item)
        except TypeError:
            packed = _any_packed(left) if packed is None else packed
            item = hashable(item) if packed else ()
            times = left.get(item)
        if times:
            right += 1
            if times == 1:
                del left[item]
            else:
                left[item] = times - 1
    return right, len(items)


def _any_packed(left: Left) -> bool:
    """Whether any gold item holds what `hashable` made; if not, no list or object can be right."""
    return any(type(part) is tuple for item in left for part in item)


def once(items: Sequence[Any]) -> Left:
    """Each gold item once."""
    return dict.fromkeys(map(hashable, items), 1)


def mark(left: Left, items: Sequence[Any]) -> tuple[int, int]:
    """Match by set: an item that another chunk has predicted already counts no more."""
    right = predicted = 0
    for item in map(hashable, items):
        gold = left.get(item)
        if gold != 0:
            predicted += 1
            right += gold or 0
            left[item] = 0
    return right, predicted


MATCHES: dict[str, Match] = {"normal": (free, take), "set": (once, mark)}


def hashable(item: tuple[Any, ...]) -> tuple[Any, ...]:
    """An item as one that a dict can hold: lists and objects in it become their JSON."""
    try:
        hash(item)
    except TypeError:
        return tuple(map(_frozen, item))
    return item


def _frozen(value: Any) -> Any:
    """A tuple, since no other part of an item is one that starts so; what is too deep for JSON is all alike."""
    try:
        hash(value)
    except TypeError:
        try:
            return "JSON", json.dumps(value, sort_keys=True)
        except RecursionError:
            return "JSON", ""
    return value
