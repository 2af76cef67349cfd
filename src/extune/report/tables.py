"""The figures of the report as tiles and tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .markup import Markup, join, percent, scrollable, tag
from .shape import Split, StageRow

RATES = (
    ("Macro F1", "macro_f1"),
    ("Precision", "precision"),
    ("Recall", "recall"),
    ("Exact match", "exact_match"),
    ("Parse rate", "parse_rate"),
)
ANSWERS = (
    ("Answers exact", "answer_exact_match"),
    ("Answer F1", "answer_f1"),
    ("ROUGE-L", "answer_rouge_l"),
    ("Supported", "answer_supported_rate"),
)
"""Of questions and answers, where there are any."""


def tiles(metrics: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> Markup:
    """The headline: one tile a figure, in per cent."""
    rates = (*RATES, *((name, key) for name, key in ANSWERS if key in metrics))
    shown = [_tile(name, percent(metrics.get(key)), "") for name, key in rates]
    gain = "" if baseline is None else f"; {100 * (metrics['f1'] - baseline['f1']):+.1f} over the baseline"
    first = _tile("F1", percent(metrics["f1"]), f"{interval(metrics)}{gain}", "tile lead")
    rate = f"{percent(metrics.get('invented_rate'))} % of all"
    return tag(
        "dl",
        first,
        *shown,
        _tile("Invented spans", number(metrics.get("invented_spans")), rate),
        class_="tiles",
    )


def _tile(name: str, value: str, note: str, class_: str = "tile") -> Markup:
    small = [tag("dd", note, class_="note")] if note else []
    return tag("div", tag("dt", name), tag("dd", value, class_="value"), *small, class_=class_)


def interval(metrics: Mapping[str, Any]) -> str:
    """The 95 % interval of F1, in per cent."""
    return f"{percent(metrics.get('f1_low'))} – {percent(metrics.get('f1_high'))}"


def split_table(splits: Mapping[str, Split]) -> Markup:
    """Each split's figures, the baseline's below them."""
    rates = (name for name, _ in RATES)
    names = ("Split", "F1", "F1 interval", *rates, "Invented spans", "Documents", "Gold", "Predicted")
    rows = [row for name, split in splits.items() for row in _split_rows(name, split)]
    return scrollable(table("Figures by split; rates in per cent", names, rows), "Figures by split")


def _split_rows(name: str, split: Split) -> list[Markup]:
    baseline = split.get("baseline")
    rows = [_figures_row(name, split["metrics"])]
    return rows if baseline is None else [*rows, _figures_row(f"{name}, baseline", baseline, "quiet")]


def _figures_row(name: str, metrics: Mapping[str, Any], class_: str | None = None) -> Markup:
    cells = [
        percent(metrics.get("f1")),
        interval(metrics),
        *(percent(metrics.get(key)) for _, key in RATES),
        *(number(metrics.get(key)) for key in ("invented_spans", "documents", "gold", "predicted")),
    ]
    head = tag("th", tag("bdi", name), scope="row")
    return tag("tr", head, *(tag("td", cell) for cell in cells), class_=class_)


def label_table(name: str, rows: Sequence[Mapping[str, Any]], hues: Mapping[str, int]) -> Markup:
    """Each label's figures with a bar for F1."""
    body = [_label_row(row, hues) for row in rows]
    columns = ("Label", "F1", "", "Precision", "Recall", "Gold", "Predicted")
    inner = table(f"Labels of {name}, most gold items first; rates in per cent", columns, body)
    return scrollable(inner, f"Labels of {name}", "scroll tall")


def _label_row(row: Mapping[str, Any], hues: Mapping[str, int]) -> Markup:
    swatch = tag("span", class_=f"swatch h{hues[row['label']]}")
    cells = (
        percent(row["precision"]),
        percent(row["recall"]),
        number(row["gold"]),
        number(row["predicted"]),
    )
    return tag(
        "tr",
        tag("th", swatch, tag("bdi", row["label"] or "–"), scope="row"),
        tag("td", percent(row["f1"])),
        tag("td", bar(row["f1"]), class_="bar"),
        *(tag("td", cell) for cell in cells),
    )


def stage_table(stages: Sequence[StageRow]) -> Markup:
    """Seconds of each stage with a bar."""
    longest = max((row["seconds"] for row in stages), default=0)
    body = [
        tag(
            "tr",
            tag("th", row["stage"], scope="row"),
            tag("td", f"{row['seconds']:,.1f}"),
            tag("td", bar(row["seconds"] / longest if longest else 0), class_="bar"),
        )
        for row in stages
    ]
    return scrollable(table("Wall-clock time of each stage", ("Stage", "Seconds", ""), body), "Time of each stage")


def bar(share: float) -> Markup:
    """A bar of a share of 1; the number stands beside it."""
    inner = (
        tag("rect", width=100, height=8, class_="track"),
        tag("rect", width=round(100 * share, 1), height=8),
    )
    return tag("svg", *inner, viewBox="0 0 100 8", preserveAspectRatio="none", aria_hidden="true")


def table(caption: str, columns: Iterable[str], rows: Iterable[Markup]) -> Markup:
    """A table with a caption and column heads; an empty head belongs to the column before it."""
    heads = [tag("th", name, scope="col") if name else tag("td") for name in columns]
    return tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", join(rows)))


def number(value: int | None) -> str:
    """A whole number with thousands apart; a dash where there is none."""
    return "–" if value is None else f"{value:,}"
