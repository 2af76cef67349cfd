"""Matching a chunk at a time is matching at once."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.deepke.scoring.count import MATCHES, hashable

values = st.sampled_from(["a", "b", None, 1, ["a"], {"a": ["b"]}, {"x": 1, "y": []}])
items = st.lists(st.tuples(values, st.sampled_from(["T", "U"])), max_size=12)


def sizes(gold: list[Any], found: list[Any], match: str) -> tuple[int, int, int]:
    """Right, predicted and gold items, by counting."""
    sides = [Counter(map(repr, side)) for side in (gold, found)]
    if match == "set":
        sides = [Counter(set(side)) for side in sides]
    return (sides[0] & sides[1]).total(), sides[1].total(), sides[0].total()


@pytest.mark.parametrize("match", MATCHES)
@given(gold=items, found=items, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_chunks_match_as_the_whole_does(match: str, gold: list[Any], found: list[Any], cuts: list[int]) -> None:
    start, take = MATCHES[match]
    left = start(gold)
    gold_size = sum(left.values())
    parts = [take(left, found[a:b]) for a, b in pairwise([0, *sorted(cuts), len(found)])]
    assert (*map(sum, zip(*parts, strict=True)), gold_size) == sizes(gold, found, match)


def test_objects_are_equal_whatever_the_order_of_their_keys() -> None:
    assert hashable(("E", {"x": 1, "y": []})) == hashable(("E", {"y": [], "x": 1}))
    assert hashable(("E", ["x"])) != hashable(("E", '["x"]'))
    assert hashable(("E", "x")) == ("E", "x")


def test_what_is_too_deep_is_matched_without_a_crash() -> None:
    deep: list[Any] = []
    for _ in range(3000):
        deep = [deep]
    assert hash(hashable(("E", deep)))


@pytest.mark.parametrize("match", MATCHES)
def test_thousands_of_items_are_compared_in_proportion_to_their_number(match: str) -> None:
    compared = 0

    class Name(str):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    start, take = MATCHES[match]
    gold = [(Name(n), "T") for n in range(8000)]
    assert take(start(gold), [(Name(n), "T") for n in reversed(range(8000))]) == (8000, 8000)
    assert 8000 <= compared < 10 * 8000
