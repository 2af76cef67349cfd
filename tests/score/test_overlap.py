"""Overlaps against trying every mention with every other, and strings found the same whichever way is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.ground import occurrences
from extune.score import overlap
from extune.score.overlap import absent, assigned, candidates, overlaps, places

texts = st.text("ab ", max_size=14)
strings = st.sets(st.text("ab ", max_size=4), max_size=8)


@pytest.fixture(params=[1, 3, 100], scope="module", autouse=True)
def many(request):
    """Reading the text once for all strings, and searching for each, have to agree."""
    before, overlap.MANY = overlap.MANY, request.param
    yield
    overlap.MANY = before


@given(strings, texts)
def test_strings_are_absent_as_in_says(wanted, text):
    assert absent(wanted, text) == {string for string in wanted if string not in text}


@given(strings, texts)
def test_every_place_of_a_string_is_found(wanted, text):
    assert places(wanted, text) == {s: starts for s in wanted if (starts := [a for a, _ in occurrences(text, s)])}


@given(strings, strings, texts)
def test_overlaps_are_those_of_every_mention_with_every_other(wanted, found, text):
    expected: dict[str, dict[str, float]] = {}
    for left in wanted:
        for right in found:
            shares = [1.0] if left == right else []
            for a, b in occurrences(text, left):
                for c, d in occurrences(text, right):
                    if min(b, d) > max(a, c):
                        shares.append((min(b, d) - max(a, c)) / max(b - a, d - c))
            if shares:
                expected.setdefault(right, {})[left] = max(shares)
    assert {right: dict(row) for right, row in overlaps(wanted, found, text).items()} == expected


def test_a_letter_that_stands_everywhere_is_looked_at_so_often_and_no_more():
    assert places({"a"}, "a" * 1000) == {"a": list(range(overlap.MENTIONS))}


def test_all_spans_of_a_key_have_to_overlap_and_the_labels_to_be_the_same():
    text = "Ann Lee met Bob Ray"
    gold = {("r", "Ann Lee", "Bob Ray")}
    assert candidates(gold, {("r", "Ann", "Bob Ray")}, text) == [
        (3 / 7, ("r", "Ann Lee", "Bob Ray"), ("r", "Ann", "Bob Ray"))
    ]
    assert candidates(gold, {("r", "Ann", "met"), ("q", "Ann", "Bob"), ("r", "Bob", "Ann")}, text) == []


def test_each_key_is_taken_once_the_largest_overlap_first():
    text = "abcdef"
    pairs = candidates({("A", "abcde"), ("A", "ab")}, {("A", "abc"), ("A", "abcdef")}, text)
    assert assigned(pairs) == {("A", "abcdef"): ("A", "abcde"), ("A", "abc"): ("A", "ab")}
