"""Figures that follow from counts, means over labels."""

import pytest

from extune.score import Counts, macro


def test_macro_figures_are_means_over_the_labels_of_either_side():
    figures = macro(
        {"A": Counts(tp=1, predicted=1, gold=2), "B": Counts(tp=1, predicted=2, gold=1), "C": Counts(predicted=1)}
    )
    assert figures.precision == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert figures.recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert figures.f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert macro({}).f1 == 0
