"""Percent in two places, and F1 of what was rounded."""

import pytest

from extune.deepke.scoring.figures import figures


@pytest.mark.parametrize(
    ("right", "predicted", "gold", "expected"),
    [
        (2, 3, 4, (66.67, 50.0, 57.14)),
        (0, 0, 5, (0.0, 0.0, 0.0)),
        (0, 5, 0, (0.0, 0.0, 0.0)),
        (0, 3, 3, (0.0, 0.0, 0.0)),
        (1, 1, 1, (100.0, 100.0, 100.0)),
        (1, 30000, 1, (0.0, 100.0, 0.0)),
        (1, 20000, 1, (0.01, 100.0, 0.02)),
    ],
)
def test_figures_are_percent_with_f1_from_the_rounded(
    right: int, predicted: int, gold: int, expected: tuple[float, ...]
) -> None:
    assert tuple(figures(right, predicted, gold).values()) == expected


def test_figures_of_a_part_carry_its_name() -> None:
    assert list(figures(1, 1, 1, "event_")) == ["event_P", "event_R", "event_F1"]
