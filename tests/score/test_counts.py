"""Figures that follow from counts, means over labels."""

import random

import pytest

from extune.score import Counts, macro
from extune.score.counts import repeated, summed


def test_macro_figures_are_means_over_the_labels_of_either_side():
    figures = macro(
        {"A": Counts(tp=1, predicted=1, gold=2), "B": Counts(tp=1, predicted=2, gold=1), "C": Counts(predicted=1)}
    )
    assert figures.precision == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert figures.recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert figures.f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert macro({}).f1 == 0


def test_the_sum_of_many_documents_counts_an_object_as_often_as_it_stands_there():
    rng = random.Random(0)
    few = [Counts(*(rng.randint(0, 9) for _ in Counts.__slots__)) for _ in range(4)]
    documents = [*rng.choices(few, k=50), Counts(tp=1)]
    assert summed(documents) == sum(documents, Counts())
    assert len(repeated(documents)) <= 5
    assert summed(()) == Counts()
