"""Calibration: what it must never do, and that it finds what was put in."""

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.calibration import (
    MIN_ITEMS,
    Calibration,
    apply,
    calibrated,
    fit,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    from_json,
    log_loss,
    pool,
    to_json,
)
from extune.errors import DataError
from extune.reliability import ece

shares = st.floats(0, 1)
items = st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=60)


def simulated(temperature: float, size: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of a model whose log-odds are `temperature` times too large."""
    random = np.random.default_rng(seed)
    odds = random.normal(1, 1.5, size)
    right = random.random(size) < 1 / (1 + np.exp(-odds))
    return 1 / (1 + np.exp(-odds * temperature)), right


@given(st.lists(st.tuples(shares, st.integers(1, 9)), min_size=1, max_size=40))
def test_pooling_never_falls_and_keeps_the_weighted_mean(rows: list[tuple[float, int]]) -> None:
    means, weights = np.array(rows).T
    pooled = pool(means, weights)
    assert (np.diff(pooled) >= 0).all()
    assert np.isclose(np.sum(pooled * weights), np.sum(means * weights))


@given(st.lists(shares, min_size=1, max_size=30))
def test_pooling_leaves_what_rises_already(values: list[float]) -> None:
    assert np.allclose(pool(sorted(values), np.ones(len(values))), sorted(values))


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=5))
def test_no_rising_sequence_is_nearer_than_the_pooled_one(means: list[float]) -> None:
    weights = np.arange(1, len(means) + 1)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * len(means)), -1).reshape(-1, len(means))
    rising = grid[(np.diff(grid, axis=1) >= 0).all(1)]
    best = (weights * (rising - means) ** 2).sum(1).min()
    assert (weights * (pool(means, weights) - means) ** 2).sum() <= best + 1e-9


@pytest.mark.parametrize("method", [fit_temperature, fit_platt, fit_isotonic, fit])
@given(rows=items, more=st.lists(shares, min_size=1, max_size=20))
def test_a_higher_confidence_never_becomes_the_lower(method, rows: list[tuple[float, bool]], more: list[float]) -> None:
    sure, right = (np.array(column, float) for column in zip(*rows, strict=True))
    applied = apply(method(sure, right), sorted(more))
    assert ((applied >= 0) & (applied <= 1)).all()
    assert (np.diff(applied) >= 0).all()


def test_a_temperature_keeps_items_apart_in_their_order() -> None:
    sure = np.linspace(0.01, 0.99, 99)
    for temperature in (0.3, 1.0, 4.0):
        assert (np.diff(apply(Calibration("temperature", temperature), sure)) > 0).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoiled_confidences_is_found(temperature: float) -> None:
    sure, right = simulated(temperature, 20_000)
    fitted = fit_temperature(sure, right.astype(float))
    assert math.isclose(fitted.temperature, temperature, rel_tol=0.1)
    assert ece(apply(fitted, sure), right) < 0.015


@pytest.mark.parametrize(("temperature", "offset"), [(0.5, 0.0), (1.0, 1.0), (3.0, -1.0)])
def test_an_offset_is_found_too(temperature: float, offset: float) -> None:
    true, right = simulated(1, 20_000)
    odds = np.log(true / (1 - true))
    fitted = fit_platt(1 / (1 + np.exp(-(odds - offset) * temperature)), right.astype(float))
    assert math.isclose(fitted.temperature, temperature, rel_tol=0.1)
    assert math.isclose(fitted.offset, offset, abs_tol=0.1)


@pytest.mark.parametrize(
    ("sure", "right"), [([0.5] * 9, [1.0] + [0.0] * 8), ([0.9] * 3 + [0.1] * 3, [0.0] * 3 + [1.0] * 3)]
)
def test_confidences_that_say_nothing_become_the_share_that_is_right(sure: list[float], right: list[float]) -> None:
    fitted = fit_platt(np.array(sure), np.array(right))
    assert np.allclose(apply(fitted, sure), np.mean(right), atol=0.1)


@pytest.mark.parametrize("temperature", [0.4, 3.0])
def test_a_fit_is_better_on_items_it_has_not_seen(temperature: float) -> None:
    fitted = fit(*simulated(temperature, 2000))
    sure, right = simulated(temperature, 5000, seed=2)
    assert ece(apply(fitted, sure), right) < ece(sure, right) / 2
    assert log_loss(apply(fitted, sure), right) < log_loss(sure, right)


def test_a_curve_that_no_temperature_straightens_is_fitted_by_steps() -> None:
    random = np.random.default_rng(3)
    sure = random.random(4000)
    fitted = fit(sure, random.random(4000) < 0.3 + 0.2 * (sure > 0.5))
    assert fitted.method == "isotonic"
    assert np.allclose(apply(fitted, [0.25, 0.75]), [0.3, 0.5], atol=0.06)


def test_what_says_too_little_is_left_as_it_is() -> None:
    few = MIN_ITEMS["temperature"] - 1
    kept = fit([0.99] * few, [n % 2 for n in range(few)])
    assert (kept.method, kept.items, set(kept.losses)) == ("identity", few, {"identity"})
    assert fit([0.9] * 600, [True] * 600) == Calibration(items=600)
    assert fit([], []) == Calibration()
    assert "isotonic" not in fit(*simulated(3, MIN_ITEMS["isotonic"] - 1)).losses


def test_log_odds_without_end_are_no_trouble() -> None:
    rows = [0.0, 1.0] * 40, [True, True, False, True] * 20
    fitted = fit_temperature(*(np.array(column, float) for column in rows))
    assert np.isfinite(apply(fitted, rows[0])).all()
    assert math.isfinite(log_loss(*rows))


@pytest.mark.parametrize("size", [0, 60, 2000])
def test_a_calibration_comes_back_from_its_json(size: int) -> None:
    for fitted in (
        fit(*simulated(3, size)),
        *([one(*simulated(3, size)) for one in (fit_isotonic, fit_platt)] if size else []),
    ):
        assert from_json(json.loads(json.dumps(to_json(fitted)))) == fitted


def test_a_calibration_that_other_code_wrote_is_read_if_its_method_is_known() -> None:
    row = to_json(fit_temperature(*simulated(3, 100)))
    assert from_json({**row, "fitted_by": "newer code"}) == from_json(row)
    assert from_json({}) == Calibration()
    with pytest.raises(DataError, match="calibrated by 'beta', which this code does not know"):
        from_json({**row, "method": "beta"})


@pytest.mark.parametrize("fitted", [fit_temperature, fit_platt, fit_isotonic])
def test_each_item_gets_its_own_calibrated_confidence(fitted: Callable[..., Calibration]) -> None:
    known = fitted(*simulated(3, 2000))
    told = calibrated(known, {"a": 0.99, "b": 0.5, "c": 0.9})
    assert list(told) == ["a", "b", "c"]
    assert told["a"] == pytest.approx(apply(known, [0.99])[0], abs=1e-6)
    assert 0 < told["b"] < told["c"] < told["a"] < 0.99, "it was too sure of itself"
    assert calibrated(known, {}) == {}


def test_without_a_fit_confidences_stay_as_they_are() -> None:
    assert calibrated(Calibration(), {"a": 0.123456, "b": 1e-6}) == {"a": 0.123456, "b": 1e-6}
