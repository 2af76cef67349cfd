"""The interval of a micro F1: held against drawing by hand, and against what must be."""

import random

import pytest

from extune.score import Counts, bootstrap


def some_counts(documents: int, seed: int) -> list[Counts]:
    rng = random.Random(seed)
    gold = [rng.randint(1, 5) for _ in range(documents)]
    return [Counts(rng.randint(0, n), n, n, documents=1) for n in gold]


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_holds_the_point_estimate_and_narrows_with_more_documents(seed):
    few, many = some_counts(50, seed), some_counts(5000, seed)
    (low, high), (lower, upper) = bootstrap(few, 500, seed), bootstrap(many, 500, seed)
    assert low < sum(few, Counts()).f1 < high
    assert lower < sum(many, Counts()).f1 < upper
    # 100 times the documents: about a tenth of the width
    assert 5 < (high - low) / (upper - lower) < 20


def test_the_interval_agrees_with_drawing_documents_one_by_one():
    counts, rng = some_counts(60, 3), random.Random(0)
    figures = sorted(sum(rng.choices(counts, k=60), Counts()).f1 for _ in range(2000))
    assert bootstrap(counts, 4000, 0) == pytest.approx((figures[50], figures[1950]), abs=0.01)


def test_the_interval_is_the_same_for_the_same_seed_and_no_other():
    counts = some_counts(80, 1)
    assert bootstrap(counts, 200, 5) == bootstrap(counts, 200, 5)
    assert bootstrap(counts, 200, 5) != bootstrap(counts, 200, 6)


def test_equal_documents_leave_nothing_to_chance():
    assert bootstrap([Counts(1, 2, 3)] * 9, 100, 0) == (2 / 5, 2 / 5)
    assert bootstrap([], 100, 0) == (0.0, 0.0)


def test_equal_counts_may_be_one_object_or_many():
    counts = some_counts(80, 1)
    kept: dict[Counts, Counts] = {}
    assert bootstrap([kept.setdefault(one, one) for one in counts], 200, 5) == bootstrap(counts, 200, 5)
