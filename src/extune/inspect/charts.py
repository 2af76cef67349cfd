"""How long the texts are, drawn with the report's axes."""

from ..report.axes import BOTTOM, TOP, figure, grid_x, grid_y, horizontal, line, vertical
from ..report.markup import Markup, tag
from .shape import Lengths
from .table import shown

HEIGHT = 220


def histogram(name: str, unit: str, sizes: Lengths, window: int | None) -> Markup:
    """Records by size; a dashed line where the window ends, if that is within the drawing."""
    caption = f"{shown(name)}: {unit}"
    if not sizes.histogram:
        return tag("figure", tag("figcaption", caption))
    edges = [edge for edge, _ in sizes.histogram]
    x = horizontal(0, edges[-1], unit)
    y = vertical(max(count for _, count in sizes.histogram), "", HEIGHT)
    columns = [
        tag(
            "rect",
            tag("title", f"{start}–{edge} {unit}: {count}"),
            x=x.at(start) + 0.5,
            y=y.at(count),
            width=round(max(x.at(edge) - x.at(start) - 1, 0.5), 2),
            height=round(y.at(0) - y.at(count), 2),
            class_="column",
        )
        for start, (edge, count) in zip([0, *edges], sizes.histogram, strict=False)
    ]
    limit = []
    if window is not None and window <= edges[-1]:
        limit = [line(x.at(window), TOP, x.at(window), HEIGHT - BOTTOM, "limit")]
    words = f"{caption}; median {sizes.p50}, 99 % within {sizes.p99}, longest {sizes.max}"
    return figure(caption, (grid_x(x, HEIGHT), grid_y(y), *columns, *limit), HEIGHT, words)
