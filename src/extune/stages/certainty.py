"""The confidences of an evaluation: calibrated on dev, their worth on every split, as figures, plots and a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..calibration import Calibration, apply, fit, to_json
from ..files import write_csv, write_json
from ..reliability import Judged, brier, ece, judge, reliability, thresholds
from ..report import Confidence
from ..tasks import Task

RELIABILITY, THRESHOLDS, CALIBRATION = (
    Path("plots/reliability.csv"),
    Path("plots/threshold.csv"),
    Path("reports/calibration.json"),
)
FITTED_ON = "dev"


@dataclass(frozen=True, slots=True)
class Certainty:
    """`figures` by split; `shown`: what the report shows of the last split, None where it has no confidences."""

    calibration: Calibration
    figures: Mapping[str, Mapping[str, float]]
    shown: Confidence | None


def assess(measured: Mapping[str, Any], asked: Task) -> Certainty:
    """Calibrate on dev, if it was measured, and see what that does on the others; `measured` as `evaluate` has it."""
    judged = {
        split: judge(((g, e.confidence) for g, e in zip(m["gold"], m["found"], strict=True)), asked)
        for split, m in measured.items()
    }
    dev = judged.get(FITTED_ON, Judged())
    calibration = fit(dev.confidences, dev.correct)
    figures = {split: _figures(rows, calibration, split) for split, rows in judged.items()}
    last = list(judged)[-1]
    return Certainty(calibration, figures, _shown(judged[last], calibration, last))


def _figures(judged: Judged, calibration: Calibration, split: str) -> dict[str, float]:
    """Of the calibrated ones too, but not on the items that it was fitted on."""
    if not judged.correct:
        return {}
    given = {"ece": ece(judged.confidences, judged.correct), "brier": brier(judged.confidences, judged.correct)}
    if split == FITTED_ON:
        return given
    fitted = apply(calibration, judged.confidences)
    return {
        **given,
        "ece_calibrated": ece(fitted, judged.correct),
        "brier_calibrated": brier(fitted, judged.correct),
    }


def _shown(judged: Judged, calibration: Calibration, split: str) -> Confidence | None:
    if not judged.correct:
        return None
    fitted = apply(calibration, judged.confidences).tolist()
    return {
        "split": split,
        "method": calibration.method,
        "fitted_on": calibration.items,
        "ece": ece(judged.confidences, judged.correct),
        "ece_calibrated": ece(fitted, judged.correct),
        "before": reliability(judged.confidences, judged.correct),
        "after": reliability(fitted, judged.correct),
        "thresholds": thresholds(judged, fitted),
    }


def write_certainty(root: Path, known: Certainty) -> None:
    """plots/reliability.csv, plots/threshold.csv and reports/calibration.json; without confidences, heads alone."""
    shown = known.shown
    rows = [{"kind": kind, **row} for kind in ("before", "after") for row in shown[kind]] if shown else []
    write_csv(root / RELIABILITY, ("kind", "confidence", "accuracy", "items"), map(_rounded, rows))
    names = ("threshold", "precision", "recall", "f1", "items")
    write_csv(root / THRESHOLDS, names, map(_rounded, shown["thresholds"] if shown else ()))
    write_json(root / CALIBRATION, to_json(known.calibration))


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in row.items()}
