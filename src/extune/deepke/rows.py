"""Rows become lines: one for each group of labels, most of their bytes known before the first row."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple, TypeAlias

from ..instruct import chunks
from .draw import asked
from .lines import EMPTY, Chunk, Frame, Part, about, answered, chunk, framed, labelled, quoted_text
from .options import Options
from .plan import Found, Item, Plan

Row: TypeAlias = Mapping[str, Any]
Convert: TypeAlias = Callable[[Row], bytes]


class _Asked(NamedTuple):
    """The groups that a row is asked for, the number of each label's group, and their lines."""

    groups: Sequence[Chunk]
    place: Mapping[str, int]
    frame: Frame


def training(plan: Plan, options: Options, before: bytes) -> Convert:
    """Lines with the answer. The groups of most rows are the same, so they are made here, once."""
    asks_all = options.asks_all
    constant = _asked(_groups(plan, plan.parts.values(), options, before))

    def convert(row: Row) -> bytes:
        text = row["text"]
        found = plan.group(_items(row, plan))
        if asks_all and plan.fits(found):
            own = constant
        else:
            own = _asked(_groups(plan, _own_parts(plan, found, text, options), options, before))
        filled = {own.place[label] for label in found}
        ends = {number: _answer(plan, own.groups[number], found, text) for number in filled}
        return about(quoted_text(text), own.frame, ends)

    return convert


def testing(plan: Plan, options: Options, before: bytes) -> Convert:
    """Lines with an id and, where the row has one, the label."""
    before = b'", ' + before
    groups = _chunked(plan.test_parts.values(), options, before)

    def convert(row: Row) -> bytes:
        text = row["text"]
        items = None if row.get(plan.field) is None else _items(row, plan)
        start = b'{"id": "' + sha256(text.encode()).hexdigest().encode()
        inner = quoted_text(text)
        end = labelled(items)
        own = groups if items is None or not plan.gold_test else _gold_groups(plan, items, options, before)
        return b"".join([start + group.start + inner + end for group in own])

    return convert


def _items(row: Row, plan: Plan) -> list[Item]:
    """The items of a row, each once, the first one kept."""
    items: list[Item] = row[plan.field]
    if not isinstance(items, list):
        raise TypeError(f"the field {plan.field!r} is not a list")
    if plan.identity is None or len(items) < 2:
        return items
    seen: dict[Any, Item] = {}
    for item in items:
        seen.setdefault(plan.identity(item), item)
    return list(seen.values())


def _groups(plan: Plan, parts: Collection[Part], options: Options, before: bytes) -> list[Chunk]:
    if not parts and not plan.asks_nothing:
        return []
    blank = [chunk(before, ())] if plan.blank_first and options.split_num < 0 else []
    return blank + _chunked(parts, options, before)


def _chunked(parts: Iterable[Part], options: Options, before: bytes) -> list[Chunk]:
    named = {item.name: item for item in parts}
    return [chunk(before, (named[name] for name in names)) for names in chunks(list(named), options.split_num)]


def _asked(groups: Sequence[Chunk]) -> _Asked:
    place = {item.name: number for number, group in enumerate(groups) for item in group.parts}
    return _Asked(groups, place, framed((start, empty) for start, empty, _ in groups))


def _own_parts(plan: Plan, found: Found, text: str, options: Options) -> list[Part]:
    rng = Random(f"{options.seed}:{text}")
    labels = asked(plan.parts if plan.draws else None, found, options, rng)
    return [plan.part(label, found.get(label, []), rng) for label in labels]


def _gold_groups(plan: Plan, items: Sequence[Item], options: Options, before: bytes) -> list[Chunk]:
    """The groups of a row that is asked for its own labels; with roles only for those of the schema."""
    names = sorted(plan.group(items))
    parts = [plan.test_parts.get(name) or plan.part(name, [], Random(0)) for name in names]
    return _chunked(parts, options, before) if parts else []


def _answer(plan: Plan, group: Chunk, found: Found, text: str) -> bytes:
    return answered(
        {item.key: plan.spell(found[item.name], item, text) if item.name in found else EMPTY for item in group.parts}
    )
