"""Seconds from work: what costs time, costs it here too."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from extune.footprint import Choice, Training, Work, shape_of
from extune.plan import DEVICES
from extune.plan.pace import once, recorded, seconds

SHAPE = shape_of(
    json.loads((Path(__file__).parents[1] / "footprint" / "shapes.json").read_text(encoding="utf-8"))["qwen2.5-7b"]
)
CHOICE = Choice(True, True, 0, 16384, "", 0)
STEPS = [[Work(16384, 4096, 16384 * 400)]] * 10


def spent(choice: Choice = CHOICE, steps: list[list[Work]] = STEPS, **given: object) -> float:
    return seconds(SHAPE, Training(), choice, steps, DEVICES["h200"], **given)  # type: ignore[arg-type]


def test_a_7b_training_on_an_h200_is_between_the_goal_and_the_measured_limit() -> None:
    assert 12_000 < 163_840 / spent() < 27_900


def test_time_grows_with_steps_recompute_and_dequantising() -> None:
    assert spent(steps=STEPS * 2) == pytest.approx(2 * spent())
    assert spent(replace(CHOICE, recompute_layers=28)) > 1.3 * spent()
    assert spent(replace(CHOICE, cache=False)) > spent()


def test_small_pieces_wait_for_launches_unless_those_are_recorded() -> None:
    small = [[Work(64, 16, 64 * 64)]] * 10
    assert spent(steps=small, graphs=True) < spent(steps=small) / 2


def test_a_graph_is_recorded_once_for_each_size_of_piece() -> None:
    sizes = [recorded([[Work(size, 40, size * 40)]]) for size in (500, 505, 900)]

    def spent(steps: list[list[Work]], graphs: bool = True) -> float:
        return once(SHAPE, steps, DEVICES["h200"], graphs, 10**10)

    assert spent(sizes[0], graphs=False) == spent(sizes[0] + sizes[2], graphs=False) > 0
    one = spent(sizes[0]) - spent(sizes[0], graphs=False)
    assert spent(sizes[0] * 50) == spent(sizes[0] + sizes[1]) == spent(sizes[0])
    assert spent(sizes[0] + sizes[2]) == pytest.approx(spent(sizes[0]) + one)
    assert once(SHAPE, sizes[0], DEVICES["h200"], True, 2 * 10**10) > spent(sizes[0])


def test_a_recorded_piece_has_at_least_its_tokens_and_one_of_few_sizes() -> None:
    filled = recorded([[Work(size, size / 8, size * 40.0)] for size in range(500, 1000, 7)])
    assert all(new.tokens >= size for [new], size in zip(filled, range(500, 1000, 7), strict=True))
    assert len({new.tokens for [new] in filled}) <= 5


def test_half_the_rate_takes_longer_but_less_than_twice() -> None:
    slow = replace(DEVICES["h200"], flops=395e12)
    found = seconds(SHAPE, Training(), CHOICE, STEPS, slow)
    assert 1.4 * spent() < found < 2 * spent()
