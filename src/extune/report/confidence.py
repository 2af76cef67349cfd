"""The section on confidence: how often items of some confidence are right, and what a threshold on it gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from .axes import TOP, Axis, figure, grid_x, grid_y, horizontal, line, vertical
from .markup import Markup, join, percent, tag
from .shape import Confidence

HEIGHT = 250
CURVES = (("precision", None), ("recall", "6 4"), ("f1", "1 4"))
"""Figure and how its line is dashed."""


def confidence_plots(shown: Confidence) -> Markup:
    """Both plots with a word on how they were made."""
    how = (
        f"The confidence of an item is the product of the probabilities of its tokens. Calibration: {shown['method']}, "
        f"fitted on {shown['fitted_on']} items of dev. Expected calibration error on {shown['split']}: "
        f"{percent(shown['ece'])} % as generated, {percent(shown['ece_calibrated'])} % calibrated."
    )
    plots = reliability_plot(shown["before"], shown["after"]), threshold_plot(shown["thresholds"])
    return join((tag("div", *plots, class_="plots"), tag("p", how, class_="note")))


def reliability_plot(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Markup:
    """The share that is right over the mean confidence, bin by bin; on the slanting line they agree."""
    x, y = _shares("confidence, %"), vertical(100, "right, %", HEIGHT)
    given = [_diamond(x.at(100 * row["confidence"]), y.at(100 * row["accuracy"]), _words(row)) for row in before]
    fitted = [
        tag("circle", tag("title", _words(row)), cx=x.at(100 * row["confidence"]), cy=y.at(100 * row["accuracy"]),
            r=4.5, class_="dot")
        for row in after
    ]  # fmt: skip
    ideal = line(x.at(0), y.at(0), x.at(100), y.at(100))
    caption = "Share of items that are right (%) over confidence: calibrated (dot), as generated (diamond)"
    described = "; ".join(map(_words, after))
    return figure(caption, (grid_x(x, HEIGHT), grid_y(y), ideal, *given, *fitted), HEIGHT, f"{caption}: {described}")


def threshold_plot(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Precision, recall and F1 of the items at or above a confidence."""
    x, y = _shares("least confidence kept, %"), vertical(100, "%", HEIGHT)
    curves = [
        tag(
            "polyline",
            points=" ".join(f"{x.at(100 * row['threshold'])},{y.at(100 * row[name])}" for row in rows),
            class_="curve",
            stroke_dasharray=dashes,
        )
        for name, dashes in CURVES
    ]
    best = max(rows, key=lambda row: row["f1"])
    mark = line(x.at(100 * best["threshold"]), TOP, x.at(100 * best["threshold"]), y.at(0))
    caption = (
        "Precision (solid), recall (dashed) and F1 (dotted), %, of the items at or above a calibrated confidence; "
        f"best F1 {percent(best['f1'])} from {percent(best['threshold'])} % up"
    )
    return figure(caption, (grid_x(x, HEIGHT), grid_y(y), mark, *curves), HEIGHT, caption)


def _shares(title: str) -> Axis:
    return horizontal(0, 100, title, [(share, str(share)) for share in range(0, 101, 20)])


def _diamond(cx: float, cy: float, words: str) -> Markup:
    return tag("path", tag("title", words), d=f"M{cx} {cy - 5}l5 5l-5 5l-5 -5z", class_="baseline")


def _words(row: Mapping[str, Any]) -> str:
    return f"{percent(row['accuracy'])} % right at {percent(row['confidence'])} %, {row['items']} items"
