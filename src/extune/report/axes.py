"""Axes of a small plot: round ticks, scales, grid lines. Units are those of the SVG's viewBox."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .markup import Markup, join, tag

WIDTH = 440
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 38
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Axis:
    """Where values fall, which of them are named, and what they are."""

    at: Scale
    ticks: Sequence[tuple[float, str]]
    title: str


def linear(domain: tuple[float, float], pixels: tuple[float, float]) -> Scale:
    """A straight map from values to positions; a domain without width goes to the start."""
    (low, high), (first, last) = domain, pixels
    slope = (last - first) / (high - low) if high > low else 0.0
    return lambda value: round(first + (value - low) * slope, 2)


def round_ticks(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """At most about `most` round numbers (steps of 1, 2 or 5) from low to high."""
    if high <= low:
        return [(low, f"{low:g}")]
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(number * step, f"{number * step:g}") for number in range(first, last + 1)]


def horizontal(low: float, high: float, title: str, ticks: Sequence[tuple[float, str]] | None = None) -> Axis:
    """An axis along the bottom."""
    named = round_ticks(low, high) if ticks is None else ticks
    return Axis(linear((low, high), (LEFT, WIDTH - RIGHT)), named, title)


def vertical(high: float, title: str, height: int) -> Axis:
    """An axis up the left side, from 0 to the round number at or above `high`."""
    ticks = round_ticks(0, high, 5)
    if ticks[-1][0] < high:
        ticks = round_ticks(0, ticks[-1][0] + ticks[1][0], 6)
    return Axis(linear((0, ticks[-1][0]), (height - BOTTOM, TOP)), ticks, title)


def grid_x(axis: Axis, height: int) -> Markup:
    """Upright grid lines with their numbers below, and the axis title."""
    base = height - BOTTOM
    marks = [
        join((line(axis.at(value), TOP, axis.at(value), base), text(axis.at(value), base + 14, name, "middle")))
        for value, name in axis.ticks
    ]
    return join((*marks, text((LEFT + WIDTH - RIGHT) / 2, height - 6, axis.title, "middle", "title")))


def grid_y(axis: Axis) -> Markup:
    """Level grid lines with their numbers at the left."""
    return join(
        join(
            (
                line(LEFT, axis.at(value), WIDTH - RIGHT, axis.at(value)),
                text(LEFT - 6, axis.at(value) + 4, name, "end"),
            )
        )
        for value, name in axis.ticks
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str = "grid") -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def text(x: float, y: float, words: str, anchor: str = "start", class_: str | None = None) -> Markup:
    """Words at a place; `anchor` is start, middle or end."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def figure(caption: str, parts: Iterable[str], height: int, description: str) -> Markup:
    """A drawing with its caption; `description` says in words what it shows."""
    drawing = tag("svg", *parts, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=description)
    return tag("figure", tag("figcaption", caption), drawing)
