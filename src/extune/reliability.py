"""What confidences are worth: how far they are from the share that is right, and what a threshold on them gives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .records import Record
from .tasks import Task

BINS = 15
STEPS = 100
"""Thresholds between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Predicted items with a confidence, whether each is right, and how many items gold has in the same documents."""

    confidences: tuple[float, ...] = ()
    correct: tuple[bool, ...] = ()
    gold: int = 0


def judge(documents: Iterable[tuple[Record, Mapping[tuple[str, ...], float]]], task: Task) -> Judged:
    """The predicted items of (gold record, confidence by key), in order, right as the strict score counts them."""
    rows: list[tuple[float, bool]] = []
    total = 0
    for gold, confidence in documents:
        wanted = set(map(task.key, task.items(gold)))
        total += len(wanted)
        rows += [(value, key in wanted) for key, value in confidence.items()]
    return Judged(tuple(value for value, _ in rows), tuple(right for _, right in rows), total)


def reliability(confidences: ArrayLike, correct: ArrayLike, bins: int = BINS) -> list[dict[str, float]]:
    """Mean confidence beside the share that is right, in bins of about equally many items, lowest first.

    Items of equal confidence share a bin, so a bin may be empty, which has no row, and order does not matter.
    """
    sure, right = np.asarray(confidences, float), np.asarray(correct, float)
    ranks = np.searchsorted(np.sort(sure), sure, side="left")
    places = ranks * bins // max(len(sure), 1)
    groups = [places == place for place in np.unique(places)]
    return [
        {
            "confidence": float(sure[group].mean()),
            "accuracy": float(right[group].mean()),
            "items": int(group.sum()),
        }
        for group in groups
    ]


def ece(confidences: ArrayLike, correct: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: the mean distance of confidence and share right over the bins, by their items."""
    rows = reliability(confidences, correct, bins)
    total = sum(row["items"] for row in rows)
    return sum(row["items"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / (total or 1)


def brier(confidences: ArrayLike, correct: ArrayLike) -> float:
    """Mean squared distance of confidence and truth."""
    sure, right = np.asarray(confidences, float), np.asarray(correct, float)
    return float(np.mean((sure - right) ** 2)) if len(right) else 0.0


def thresholds(judged: Judged, confidences: Sequence[float] | None = None) -> list[dict[str, Any]]:
    """Precision, recall and F1 of the items at or above each threshold; `confidences` in place of the items' own."""
    sure = np.asarray(judged.confidences if confidences is None else confidences, float)
    right = np.asarray(judged.correct, bool)
    return [_kept(step / STEPS, sure >= step / STEPS, right, judged.gold) for step in range(STEPS + 1)]


def _kept(threshold: float, kept: Any, right: Any, gold: int) -> dict[str, Any]:
    """No items kept are all right: what is said nowhere is nowhere wrong."""
    tp, predicted = int((kept & right).sum()), int(kept.sum())
    return {
        "threshold": threshold,
        "precision": tp / predicted if predicted else 1.0,
        "recall": tp / gold if gold else 0.0,
        "f1": 2 * tp / (predicted + gold) if predicted + gold else 0.0,
        "items": predicted,
    }
