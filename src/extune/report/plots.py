"""The plots of the report, as inline SVG that needs no script and follows the page's colours."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .axes import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    figure,
    grid_x,
    grid_y,
    horizontal,
    line,
    text,
    vertical,
)
from .markup import Markup, join, percent, tag
from .shape import LossRow, Split

HEIGHT = 250
ROW = 54
ROUND = (0, *(factor * 10**power for power in range(7) for factor in (1, 2, 5)))


def loss_curve(rows: Sequence[LossRow]) -> Markup:
    """Training loss by step; steps without a finite loss are left out and said so."""
    points = [(row["step"], row["loss"]) for row in rows if row["loss"] is not None and math.isfinite(row["loss"])]
    if not points:
        return tag("p", "No training loss was recorded.", class_="note")
    x = horizontal(min(step for step, _ in points), max(step for step, _ in points), "optimiser step")
    y = vertical(max(max(loss for _, loss in points), 1e-9), "loss", HEIGHT)
    path = " ".join(f"{x.at(step)},{y.at(loss)}" for step, loss in points)
    last = points[-1]
    ends = f"Training loss from {points[0][1]:.3g} at step {points[0][0]} to {last[1]:.3g} at step {last[0]}"
    gaps = len(rows) - len(points)
    caption = ends + (f"; {gaps} steps without a finite loss are left out" if gaps else "")
    dot = tag("circle", cx=x.at(last[0]), cy=y.at(last[1]), r=3, class_="dot")
    drawn = (grid_x(x, HEIGHT), grid_y(y), tag("polyline", points=path, class_="curve"), dot)
    return figure(caption, drawn, HEIGHT, caption)


def interval_plot(splits: Mapping[str, Split]) -> Markup:
    """F1 of each split with its interval, the baseline beside it."""
    height = TOP + ROW * len(splits) + BOTTOM
    x = horizontal(0, 1, "F1, %", [(share / 5, str(20 * share)) for share in range(6)])
    rows = [_interval_row(x.at, TOP + ROW * i, name, split) for i, (name, split) in enumerate(splits.items())]
    caption = "F1 with its 95 % interval (dot and bar), memorising baseline (diamond)"
    words = "; ".join(f"{name}: {_in_words(split)}" for name, split in splits.items())
    return figure(caption, (grid_x(x, height), *rows), height, f"F1 by split. {words}")


def _interval_row(at: Any, top: float, name: str, split: Split) -> Markup:
    metrics, baseline, middle = split["metrics"], split.get("baseline"), top + 34
    parts = [text(LEFT, top + 14, name, class_="name")]
    if baseline is not None:
        place = at(baseline["f1"])
        parts.append(tag("path", d=f"M{place} {middle - 6}l6 6l-6 6l-6 -6z", class_="baseline"))
    low, high = at(metrics["f1_low"]), at(metrics["f1_high"])
    parts += [line(low, middle, high, middle, "whisker"), line(low, middle - 5, low, middle + 5, "whisker")]
    parts.append(line(high, middle - 5, high, middle + 5, "whisker"))
    parts.append(tag("circle", cx=at(metrics["f1"]), cy=middle, r=4.5, class_="dot"))
    parts.append(text(WIDTH - RIGHT, top + 14, _in_words(split), "end"))
    return join(parts)


def _in_words(split: Split) -> str:
    baseline = split.get("baseline")
    words = percent(split["metrics"]["f1"])
    return words if baseline is None else f"{words}, baseline {percent(baseline['f1'])}"


def label_plot(rows: Sequence[Mapping[str, Any]], hues: Mapping[str, int]) -> Markup:
    """F1 of each label over how many gold items it has: are the rare labels the weak ones?"""
    x = _frequency_axis([row["gold"] for row in rows])
    y = vertical(100, "F1, %", HEIGHT)
    spots = [(x.at(math.log1p(row["gold"])), y.at(100 * row["f1"]), row) for row in rows]
    dots = [_label_dot(cx, cy, row, hues) for cx, cy, row in spots]
    caption = "F1 (%) of each label over its number of gold items"
    described = "; ".join(f"{row['label']} {percent(row['f1'])} of {row['gold']}" for row in rows)
    return figure(caption, (grid_x(x, HEIGHT), grid_y(y), *dots, *_names(spots)), HEIGHT, f"{caption}: {described}")


def _frequency_axis(numbers: Sequence[int]) -> Axis:
    """A logarithmic axis that has room for 0, since a label may occur in predictions only."""
    low, high = min(numbers, default=0), max(numbers, default=1)
    below = max((n for n in ROUND if n <= low), default=0)
    above = min((n for n in ROUND if n >= max(high, below + 1)), default=high)
    ticks = [(math.log1p(n), f"{n:,}") for n in ROUND if below <= n <= above]
    return horizontal(math.log1p(below), math.log1p(above), "gold items of the label (log scale)", ticks)


def _label_dot(cx: float, cy: float, row: Mapping[str, Any], hues: Mapping[str, int]) -> Markup:
    words = f"{row['label'] or '–'}: F1 {percent(row['f1'])}, {row['gold']} gold, {row['predicted']} predicted"
    return tag("circle", tag("title", words), cx=cx, cy=cy, r=5, class_=f"label h{hues[row['label']]}")


def _names(spots: Sequence[tuple[float, float, Mapping[str, Any]]]) -> list[Markup]:
    """Names beside the dots where they cover neither another name nor a dot; the table has all of them."""
    taken = [(cx - 6, cy - 6, cx + 6, cy + 6) for cx, cy, _ in spots]
    names: list[Markup] = []
    for cx, cy, row in spots:
        wide = _width(row["label"])
        if wide > 160:
            continue
        left = cx + 9 if cx + 9 + wide < WIDTH - RIGHT else cx - 9 - wide
        box = (left, cy - 7, left + wide, cy + 7)
        if left >= LEFT and not any(_overlap(box, other) for other in taken):
            taken.append(box)
            names.append(text(left, cy + 4, row["label"], class_="beside-dot"))
    return names


def _width(words: str) -> float:
    return sum(11.5 if char > "\u2e7f" else 6.4 for char in words)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
