"""The confidence of an item: the product of what its own tokens were given, whatever stands around them."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.confidence import LEAST, Reading, confidences, raise_to, scorer
from extune.notations import NOTATIONS
from extune.records import QA, Entity, Relation
from extune.schema import Schema
from extune.tasks import TASKS

LABELS = ("r", "s")
SCHEMA = Schema(LABELS, LABELS)


def reading(task: str, notation: str, labels: Sequence[str] = LABELS) -> Reading:
    return Reading(TASKS[task], NOTATIONS[notation], labels, SCHEMA)


def tokens(*pieces: tuple[str, float]) -> tuple[str, tuple[tuple[int, float], ...]]:
    """An answer and its scores, of its pieces with their probabilities."""
    answer, scored = "", []
    for piece, chance in pieces:
        answer += piece
        scored.append((len(answer), math.log(chance)))
    return answer, tuple(scored)


def of(pieces: Sequence[tuple[str, float]], found: Sequence[Any], how: Reading) -> dict[tuple[str, ...], float]:
    return confidences(*tokens(*pieces), found, how)


def test_each_item_has_its_own_tokens_and_forced_ones_do_not_count() -> None:
    pieces = [('{"r": ', 1), ('["', 0.9), ("a", 0.5), ('", "', 0.8), ("b", 0.5), ('"], "s": [', 1), ("]}", 0.1)]
    found = [Entity("a", "r"), Entity("b", "r")]
    # The piece between them ends the one and begins the other.
    assert of(pieces, found, reading("NER", "iepile_json")) == {("a", "r"): 0.36, ("b", "r"): 0.4}


def test_a_line_of_a_triple_has_its_newline_and_not_the_end_of_the_answer() -> None:
    pieces = [("(a, r, ", 0.5), ("b)", 1), ("\n", 0.9), ("(c, s, d)", 1), ("", 0.2)]
    found = [Relation("a", "r", "b"), Relation("c", "s", "d")]
    assert of(pieces, found, reading("RE", "triple_lines")) == {("a", "r", "b"): 0.5, ("c", "s", "d"): 0.9}


def test_what_is_written_twice_has_the_higher_confidence() -> None:
    pieces = [("a_r", 0.5), ("\n", 1), ("a_r", 0.75)]
    assert of(pieces, [Entity("a", "r")], reading("NER", "entity_lines")) == {("a", "r"): 0.75}
    known = {("x",): 0.5, ("y",): 0.5}
    raise_to(known, {("x",): 0.25, ("y",): 0.75, ("z",): 0.1})
    assert known == {("x",): 0.5, ("y",): 0.75, ("z",): 0.1}


def test_the_same_string_under_another_label_is_another_item() -> None:
    pieces = [('{"r": [', 1), ('"a"', 0.5), ("], ", 1), ('"s": [', 1), ('"a"', 0.25), ("]}", 1)]
    found = [Entity("a", "r"), Entity("a", "s")]
    assert of(pieces, found, reading("NER", "iepile_json")) == {("a", "r"): 0.5, ("a", "s"): 0.25}


def test_an_answer_in_plain_text_has_all_its_tokens_and_the_one_that_ends_it() -> None:
    pieces = [("Ann", 0.5), (" Lee", 0.5), ("", 0.8)]
    found = [QA("Who?", "Ann Lee")]
    assert of(pieces, found, reading("QA", "plain_text", ("Who?",))) == {("Who?", "Ann Lee"): 0.2}


def test_an_item_that_no_part_spells_has_the_confidence_of_the_whole_answer() -> None:
    pieces = [("a_r", 0.5), ("\n", 1), ("b_r", 0.5)]
    assert of(pieces, [Entity("c", "r")], reading("NER", "entity_lines")) == {("c", "r"): 0.25}


def test_without_scores_there_are_no_confidences() -> None:
    assert confidences("a_r", (), [Entity("a", "r")], reading("NER", "entity_lines")) == {}


def test_a_token_that_ends_inside_a_character_belongs_to_that_character() -> None:
    score = scorer([(1, math.log(0.5)), (1, math.log(0.5)), (2, math.log(0.5)), (3, 0.0)])
    assert [score([(start, start + 1)]) for start in range(3)] == [0.5, 0.25, 1.0]


@pytest.mark.parametrize("ranges", [[(0, 2), (1, 3)], [(0, 3)]])
def test_a_token_in_two_ranges_counts_once(ranges: list[tuple[int, int]]) -> None:
    assert scorer([(3, math.log(0.5))])(ranges) == 0.5


@given(st.lists(st.floats(-1000, 0), min_size=1, max_size=20))
def test_a_confidence_is_above_zero_and_at_most_one(scores: list[float]) -> None:
    score = scorer([(place, value) for place, value in enumerate(scores, 1)])
    assert LEAST <= score([(0, len(scores))]) <= 1
    # More characters, more that can go wrong.
    assert score([(0, len(scores))]) <= score([(0, 1)])
