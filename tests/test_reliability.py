"""Reliability: the known answers, and that nothing hangs on the order of the items."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.records import Entity, Record
from extune.reliability import Judged, brier, ece, judge, reliability, thresholds
from extune.tasks import TASKS

rows = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.5001, 0.9, 1.0]), st.booleans()), min_size=1, max_size=80)


def columns(items: list[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [sure for sure, _ in items], [right for _, right in items]


def test_confidences_that_are_true_have_a_small_error() -> None:
    generator = np.random.default_rng(0)
    sure = generator.random(30_000)
    right = generator.random(30_000) < sure
    assert ece(sure, right) < 0.01
    assert len(reliability(sure, right)) == 15
    assert {row["items"] for row in reliability(sure, right)} == {2000}


def test_confidences_that_are_too_high_by_a_fifth_have_that_error() -> None:
    generator = np.random.default_rng(0)
    sure = generator.uniform(0.2, 1, 30_000)
    assert ece(sure, generator.random(30_000) < sure - 0.2) == pytest.approx(0.2, abs=0.01)


def test_the_worst_there_is() -> None:
    assert ece([1.0, 0.0], [False, True]) == brier([1.0, 0.0], [False, True]) == 1
    assert ece([], []) == brier([], []) == 0
    assert brier([0.5, 1.0], [True, True]) == 0.125


@given(rows, st.randoms(use_true_random=False))
def test_neither_the_error_nor_the_table_hangs_on_the_order(items: list[tuple[float, bool]], shuffle) -> None:
    mixed = shuffle.sample(items, len(items))
    assert ece(*columns(items)) == pytest.approx(ece(*columns(mixed)))
    for one, other in zip(reliability(*columns(items)), reliability(*columns(mixed)), strict=True):
        assert one == pytest.approx(other)


@given(rows)
def test_every_item_is_in_one_bin_and_equal_ones_are_together(items: list[tuple[float, bool]]) -> None:
    table = reliability(*columns(items))
    assert sum(row["items"] for row in table) == len(items)
    assert [row["confidence"] for row in table] == sorted(row["confidence"] for row in table)
    assert len(table) <= min(15, len({sure for sure, _ in items}))


@given(rows, st.integers(0, 20))
def test_a_rising_threshold_keeps_fewer_and_finds_less(items: list[tuple[float, bool]], missed: int) -> None:
    sure, right = columns(items)
    gold = sum(right) + missed
    table = thresholds(Judged(tuple(sure), tuple(right), gold))
    assert table[0]["items"] == len(items)
    assert table[0]["recall"] == (sum(right) / gold if gold else 0)
    for one, other in pairwise(table):
        assert one["items"] >= other["items"]
        assert one["recall"] >= other["recall"]
    for row in table:
        tp = row["recall"] * gold
        assert row["precision"] == (pytest.approx(tp / row["items"]) if row["items"] else 1)
        assert row["f1"] == pytest.approx(2 * tp / (row["items"] + gold) if row["items"] + gold else 0)


def test_thresholds_can_be_laid_on_calibrated_confidences() -> None:
    table = thresholds(Judged((0.9, 0.8), (True, False), 1), [0.5, 0.1])
    assert [row["items"] for row in table if row["threshold"] in (0.1, 0.11, 0.5, 0.51)] == [2, 1, 1, 0]


def test_items_are_judged_by_their_keys_and_gold_items_are_counted_once() -> None:
    gold = Record("1", "a b c", entities=(Entity("a", "r", 0, 1), Entity("a", "r", 2, 3), Entity("b", "r")))
    found = {("a", "r"): 0.9, ("a", "s"): 0.4}
    assert judge([(gold, found), (Record("2", ""), {})], TASKS["NER"]) == Judged((0.9, 0.4), (True, False), 2)
