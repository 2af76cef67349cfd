"""Confidences made to mean what they say: of the items at 0.8, four in five are right.

Fitted on items of dev whose correctness is known. Temperature: one number that all log-odds are divided by
(https://arxiv.org/abs/1706.04599). Platt: an offset as well (Platt, 1999), since a product of many tokens is too low
as a whole. Both keep every order. Isotonic: the best curve that never falls, by pooling adjacent violators
(https://www.jstor.org/stable/2284712), which may make neighbours equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import DataError

Key = TypeVar("Key")

Floats: TypeAlias = NDArray[np.float64]

LEAST = 1e-6
FOLDS = 5
MIN_ITEMS = {"temperature": 50, "platt": 100, "isotonic": 200}
"""Fewer items than this say too little for a method: one number needs fewer than a curve."""
ALIKE = 3
"""Decimals to which two log losses are the same."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `apply` does: `method` is one of FITS; `knots` are (confidence, share right) of isotonic.

    `items`: how many it was fitted on. `losses`: log loss of each method that was tried, on items it had not seen.
    """

    method: str = "identity"
    temperature: float = 1.0
    offset: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()
    items: int = 0
    losses: Mapping[str, float] | None = None


def to_json(calibration: Calibration) -> dict[str, Any]:
    """Plain values, to be kept with a version."""
    return asdict(calibration)


def from_json(row: Mapping[str, Any]) -> Calibration:
    """The inverse of `to_json`, whatever version of the project wrote it. Raises DataError for an unknown method."""
    known = {field.name: row[field.name] for field in fields(Calibration) if field.name in row}
    if known.get("method", "identity") not in FITS:
        raise DataError(
            f"calibrated by {known['method']!r}, which this code does not know",
            remedy="Evaluate the version again with the code that it is loaded by",
        )
    return Calibration(**{**known, "knots": tuple((float(x), float(y)) for x, y in row.get("knots", ()))})


def fit(confidences: ArrayLike, correct: ArrayLike) -> Calibration:
    """The method with the least log loss in cross-validation, the plainer one where two are alike.

    A method needs MIN_ITEMS items, both right and wrong ones; without any, confidences stay as they are.
    """
    sure, right = np.asarray(confidences, float), np.asarray(correct, float)
    if not 0 < right.sum() < len(right):
        return Calibration(items=len(right))
    tried = {name: fitted for name, fitted in FITS.items() if len(right) >= MIN_ITEMS.get(name, 0)}
    losses = {name: round(_loss_unseen(fitted, sure, right), 6) for name, fitted in tried.items()}
    best = min(tried, key=lambda name: round(losses[name], ALIKE))
    chosen = tried[best](sure, right)
    return replace(chosen, losses=losses)


def _loss_unseen(fitted: Callable[[Floats, Floats], Calibration], sure: Floats, right: Floats) -> float:
    folds = np.arange(len(right)) % FOLDS
    held = [(fitted(sure[folds != fold], right[folds != fold]), folds == fold) for fold in range(FOLDS)]
    return sum(log_loss(apply(made, sure[rows]), right[rows]) * int(rows.sum()) for made, rows in held) / len(right)


def apply(calibration: Calibration, confidences: ArrayLike) -> Floats:
    """Calibrated confidences, in the same order; a higher one never becomes the lower."""
    sure = np.asarray(confidences, float)
    if calibration.method in ("temperature", "platt"):
        return _sigmoid(_log_odds(sure) / calibration.temperature + calibration.offset)
    if calibration.method == "isotonic":
        x, y = np.array(calibration.knots).T
        return np.asarray(np.interp(sure, x, y), float)
    return sure


def calibrated(calibration: Calibration, confidence: Mapping[Key, float]) -> dict[Key, float]:
    """Calibrated confidences of items, six decimals."""
    values = apply(calibration, list(confidence.values()))
    return {key: round(float(value), 6) for key, value in zip(confidence, values, strict=True)}


def log_loss(confidences: ArrayLike, correct: ArrayLike) -> float:
    """Mean negative log-likelihood; confidences are kept LEAST away from 0 and 1."""
    sure, right = _inside(confidences), np.asarray(correct, float)
    return float(-np.mean(right * np.log(sure) + (1 - right) * np.log1p(-sure))) if len(right) else 0.0


def fit_temperature(sure: Floats, right: Floats) -> Calibration:
    """The temperature of the least log loss, from 0.001 to 1000.

    The loss is convex in its inverse, and its slope there is found zero by halving.
    """
    odds = _log_odds(sure)
    low, high = -3.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        slope = float(np.sum((_sigmoid(10**middle * odds) - right) * odds))
        low, high = (low, middle) if slope > 0 else (middle, high)
    return Calibration("temperature", float(10 ** -((low + high) / 2)), items=len(right))


def fit_platt(sure: Floats, right: Floats) -> Calibration:
    """Temperature and offset of the least log loss, by Newton's method; the temperature is 1000 at most.

    Platt's targets, one item short of certain, keep both finite where wrong and right do not mix.
    """
    odds = np.stack([_log_odds(sure), np.ones(len(sure))])
    targets = np.where(right > 0, 1 - 1 / (right.sum() + 2), 1 / (len(right) - right.sum() + 2))
    known, loss = np.array([1.0, 0.0]), _loss(np.array([1.0, 0.0]) @ odds, targets)
    for _ in range(50):
        chances = _sigmoid(known @ odds)
        slope, bend = odds @ (chances - targets), (odds * (chances * (1 - chances))) @ odds.T
        step = np.linalg.lstsq(bend, slope, rcond=None)[0]
        while (new := _loss((known - step) @ odds, targets)) > loss and np.abs(step).max() > 1e-9:
            step = step / 2
        if new > loss or np.abs(step).max() <= 1e-9:
            break
        known, loss = known - step, new
    if known[0] < 0.001:
        return Calibration("platt", 1000.0, float(_log_odds(np.asarray(right.mean()))), items=len(right))
    return Calibration("platt", float(1 / known[0]), float(known[1]), items=len(right))


def _loss(odds: Floats, targets: Floats) -> float:
    return float(np.sum(np.logaddexp(0, odds) - targets * odds))


def fit_isotonic(sure: Floats, right: Floats) -> Calibration:
    """The rising curve of the least squares, straight between blocks, never nearer to 0 or 1 than half an item."""
    values, places, counts = np.unique(sure, return_inverse=True, return_counts=True)
    means = np.bincount(places.ravel(), right) / counts
    level = pool(means, counts)
    least = 0.5 / len(right)
    ends = np.flatnonzero(np.diff(level) != 0)
    kept = sorted({0, len(level) - 1, *ends.tolist(), *(ends + 1).tolist()})
    knots = tuple((float(values[n]), float(np.clip(level[n], least, 1 - least))) for n in kept)
    return Calibration("isotonic", knots=knots, items=len(right))


def pool(means: ArrayLike, weights: ArrayLike) -> Floats:
    """The rising sequence nearest to `means` in weighted least squares."""
    blocks: list[tuple[float, float, int]] = []
    for mean, weight in zip(np.asarray(means, float), np.asarray(weights, float), strict=True):
        block = (float(mean), float(weight), 1)
        while blocks and blocks[-1][0] >= block[0]:
            block = _merged(blocks.pop(), block)
        blocks.append(block)
    return np.repeat([mean for mean, _, _ in blocks], [size for _, _, size in blocks])


def _merged(one: tuple[float, float, int], other: tuple[float, float, int]) -> tuple[float, float, int]:
    weight = one[1] + other[1]
    return (one[0] * one[1] + other[0] * other[1]) / weight, weight, one[2] + other[2]


def _inside(confidences: ArrayLike) -> Floats:
    return np.asarray(np.clip(np.asarray(confidences, float), LEAST, 1 - LEAST))


def _log_odds(sure: Floats) -> Floats:
    inside = _inside(sure)
    return np.asarray(np.log(inside) - np.log1p(-inside), float)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), float)


def _unchanged(sure: Floats, right: Floats) -> Calibration:
    return Calibration(items=len(right))


FITS: dict[str, Callable[[Floats, Floats], Calibration]] = {
    "identity": _unchanged,
    "temperature": fit_temperature,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}
"""The plainest first."""
