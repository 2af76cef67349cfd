"""The figures taken apart: by what is counted, by what was wrong with the answers, by groups of documents."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..score import VIEWS
from .markup import Markup, percent, scrollable, tag
from .shape import Split
from .tables import ANSWERS, bar, number, table

HEALTH = (
    ("Parsed", "parse_rate"),
    ("Valid by schema", "schema_valid_rate"),
    ("Truncated", "truncated_rate"),
    ("Repeating", "repetition_rate"),
    ("Prompt too long", "too_long_rate"),
    ("Other notes", "other_rate"),
    ("Empty where gold is not", "empty_on_nonempty_rate"),
    ("Spans not in the text", "invented_rate"),
)
GROUPS = (
    ("per_source", "Source"),
    ("per_language", "Language"),
    ("per_length", "Length, characters"),
    ("per_seen", "In training data"),
)
MODES = (
    "Boundary: the right strings under any label. Type: the right label, strings that overlap. "
    "Relaxed: the right label, strings that share at least half of the longer one."
)


def answer_table(splits: Mapping[str, Split]) -> list[Markup]:
    """How near answers to questions come to the accepted ones; nothing where none was asked."""
    asked = {name: split["metrics"] for name, split in splits.items() if "answer_f1" in split["metrics"]}
    caption = "Answers to questions, as CMRC 2018 counts them; per cent"
    return [_rate_table(caption, asked, ANSWERS)] if asked else []


def health_table(splits: Mapping[str, Split]) -> Markup:
    """What was wrong with the answers, whatever they said."""
    caption = "Answers as such, per cent of the documents or spans"
    return _rate_table(caption, {name: split["metrics"] for name, split in splits.items()}, HEALTH)


def _rate_table(caption: str, metrics: Mapping[str, Mapping[str, Any]], rates: Sequence[tuple[str, str]]) -> Markup:
    """A row a split, a column a rate."""
    rows = [
        tag("tr", tag("th", tag("bdi", name), scope="row"), *(tag("td", percent(row.get(key))) for _, key in rates))
        for name, row in metrics.items()
    ]
    return scrollable(table(caption, ("Split", *(name for name, _ in rates)), rows), caption)


def view_table(name: str, metrics: Mapping[str, Any], task: str) -> list[Markup]:
    """F1 under every way of counting, the strict one first; nothing where the task has one way only."""
    views = [view for view in VIEWS.get(task, ()) if f"{view}_f1" in metrics]
    if not views:
        return []
    rows = [_view_row("Strict", "", metrics), *(_view_row(_words(view), f"{view}_", metrics) for view in views)]
    columns = ("Counted", "F1", "", "Macro F1", "Precision", "Recall")
    inner = table(f"Ways of counting on {name}; rates in per cent", columns, rows)
    return [scrollable(inner, f"Ways of counting on {name}"), tag("p", MODES, class_="note")]


def _words(view: str) -> str:
    """`trigger_boundary` as `Trigger, boundary`."""
    return view.replace("_", ", ", 1).capitalize()


def _view_row(words: str, prefix: str, metrics: Mapping[str, Any]) -> Markup:
    f1 = metrics[f"{prefix}f1"]
    return tag(
        "tr",
        tag("th", words, scope="row"),
        tag("td", percent(f1)),
        tag("td", bar(f1), class_="bar"),
        *(tag("td", percent(metrics.get(prefix + key))) for key in ("macro_f1", "precision", "recall")),
    )


def view_label_tables(name: str, metrics: Mapping[str, Any]) -> list[Markup]:
    """F1 of each label under every lenient way of counting, one table for each set of labels."""
    sets: dict[tuple[str, ...], dict[str, Sequence[Mapping[str, Any]]]] = {}
    for view, rows in metrics.get("per_view_label", {}).items():
        labels = tuple(sorted(row["label"] for row in rows))
        if any(labels):
            sets.setdefault(labels, {})[view] = rows
    return [_view_labels(name, views) for views in sets.values()]


def _view_labels(name: str, views: Mapping[str, Sequence[Mapping[str, Any]]]) -> Markup:
    first = next(iter(views.values()))
    f1 = {view: {row["label"]: row["f1"] for row in rows} for view, rows in views.items()}
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", row["label"] or "–"), scope="row"),
            *(tag("td", percent(f1[view][row["label"]])) for view in views),
            tag("td", number(row["gold"])),
        )
        for row in first
    ]
    words = tuple(map(_words, views))
    inner = table(f"F1 of the labels of {name}, {words[0].lower()}; per cent", ("Label", *words, "Gold"), rows)
    return scrollable(inner, f"F1 of the labels of {name}, {words[0].lower()}", "scroll tall")


def group_tables(name: str, metrics: Mapping[str, Any]) -> list[Markup]:
    """A table for each way of sorting the documents or their items into groups."""
    return [_group_table(name, title, metrics[key]) for key, title in GROUPS if metrics.get(key)]


def _group_table(name: str, title: str, rows: Iterable[Mapping[str, Any]]) -> Markup:
    body = [
        tag(
            "tr",
            tag("th", tag("bdi", row["name"] or "–"), scope="row"),
            tag("td", percent(row["f1"])),
            tag("td", bar(row["f1"]), class_="bar"),
            *(tag("td", percent(row[key])) for key in ("precision", "recall", "exact_match")),
            *(tag("td", number(row[key])) for key in ("gold", "documents")),
        )
        for row in rows
    ]
    columns = (title, "F1", "", "Precision", "Recall", "Exact match", "Gold", "Documents")
    inner = table(f"{title.partition(',')[0]}, {name}; rates in per cent", columns, body)
    return scrollable(inner, f"{title} of {name}", "scroll tall")
