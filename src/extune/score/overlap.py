"""Where strings stand in a text, and which of two sides stand over each other: linear in text and strings."""

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from ..ground import occurrences

Key: TypeAlias = tuple[str, ...]
Overlaps: TypeAlias = Mapping[str, Mapping[str, float]]

MENTIONS = 64
"""Most mentions of one string that are looked at, so that a letter that stands everywhere costs no more."""

MANY = 100
"""From so many strings of one length on, the text is read once for all instead of searched for each."""


def absent(strings: Iterable[str], text: str) -> set[str]:
    """The strings that do not stand in the text."""
    if len(found := set(strings)) < MANY:
        return {string for string in found if string not in text}
    missing: set[str] = set()
    for size, group in _by_length(found).items():
        if len(group) < MANY:
            missing.update(string for string in group if string not in text)
        else:
            missing |= group.difference(text[i : i + size] for i in range(len(text) - size + 1))
    return missing


def places(strings: Iterable[str], text: str) -> dict[str, list[int]]:
    """Where each string begins in the text, the first MENTIONS of it; strings that stand nowhere are left out."""
    found: dict[str, list[int]] = {}
    wanted = set(strings)
    if len(wanted) < MANY:
        mentions = ((string, occurrences(text, string)[:MENTIONS]) for string in wanted)
        return {string: [start for start, _ in offsets] for string, offsets in mentions if offsets}
    for size, group in _by_length(wanted).items():
        if not size:
            continue
        starts = _searched(group, text) if len(group) < MANY else _scanned(group, size, text)
        for start, string in starts:
            known = found.setdefault(string, [])
            if len(known) < MENTIONS:
                known.append(start)
    return found


def _searched(group: Iterable[str], text: str) -> Iterator[tuple[int, str]]:
    return ((start, string) for string in group for start, _ in occurrences(text, string))


def _scanned(group: Collection[str], size: int, text: str) -> Iterator[tuple[int, str]]:
    parts = ((i, text[i : i + size]) for i in range(len(text) - size + 1))
    return ((start, part) for start, part in parts if part in group)


def _by_length(strings: Iterable[str]) -> Mapping[int, set[str]]:
    groups: defaultdict[int, set[str]] = defaultdict(set)
    for string in strings:
        groups[len(string)].add(string)
    return groups


def overlaps(wanted: Iterable[str], found: Iterable[str], text: str) -> Overlaps:
    """For each found string the wanted ones with a mention over one of its own, with the largest overlap.

    An overlap is the shared part of two mentions as a share of the longer one; the same string overlaps wholly.
    """
    sides = (dict.fromkeys(wanted), dict.fromkeys(found))
    starts = places({**sides[0], **sides[1]}, text)
    mentions = sorted(
        (start, start + len(string), side, string)
        for side, strings in enumerate(sides)
        for string in strings
        for start in starts.get(string, ())
    )
    table: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for string in sides[1]:
        if string in sides[0]:
            table[string][string] = 1.0
    open_: tuple[list[tuple[int, str]], list[tuple[int, str]]] = ([], [])
    for start, end, side, string in mentions:
        open_[1 - side][:] = [one for one in open_[1 - side] if one[0] > start]
        for other_end, other in open_[1 - side]:
            share = (min(end, other_end) - start) / max(len(string), len(other))
            left, right = (string, other) if side == 0 else (other, string)
            table[right][left] = max(share, table[right].get(left, 0.0))
        open_[side].append((end, string))
    return table


def candidates(wanted: Iterable[Key], found: Iterable[Key], text: str) -> list[tuple[float, Key, Key]]:
    """(overlap, wanted, found) of keys with one label whose spans all overlap, the largest overlap first.

    A key is its label, then its spans; the overlap of two keys is the least of their spans'. The order does not
    depend on which side is which.
    """
    left, right = set(wanted), sorted(found)
    if {key[0] for key in left}.isdisjoint(key[0] for key in right):
        return []
    table = overlaps((s for key in sorted(left) for s in key[1:]), (s for key in right for s in key[1:]), text)
    pairs = [(share, other, key) for key in right for share, other in _near(key, table) if other in left]
    return sorted(pairs, key=lambda pair: (-pair[0], min(pair[1:]), max(pair[1:])))


def _near(key: Key, table: Overlaps) -> Iterator[tuple[float, Key]]:
    """The keys that this one might overlap with."""
    for spans in itertools.product(*(table.get(span, {}).items() for span in key[1:])):
        yield min((share for _, share in spans), default=0.0), (key[0], *(span for span, _ in spans))


def assigned(pairs: Iterable[tuple[float, Key, Key]]) -> dict[Key, Key]:
    """Found key -> wanted key, each of either side once, the pairs taken in their order."""
    taken: set[Key] = set()
    chosen: dict[Key, Key] = {}
    for _, left, right in pairs:
        if left not in taken and right not in chosen:
            taken.add(left)
            chosen[right] = left
    return chosen
