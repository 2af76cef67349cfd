"""A comparison as one HTML file that asks nothing of the network and runs no script."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..report.markup import Markup, percent, scrollable, tag
from ..report.page import policy
from ..report.tables import table
from .lines import verdict

MOST = 100
"""Documents shown of each kind of change."""
FIGURES = {"f1": "F1", "precision": "Precision", "recall": "Recall", "exact_match": "Exact match"}
SIGNS = {"correct": "✓", "missed": "−", "spurious": "+"}
_STYLES = (Path(__file__).parents[1] / "report" / "page.css", Path(__file__).with_name("page.css"))


def page(comparison: Mapping[str, Any]) -> str:
    """The whole page; equal comparisons give equal bytes."""
    style = "".join(path.read_text(encoding="utf-8") for path in _STYLES)
    names = [side["name"] for side in comparison["sides"]]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, "")),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{' / '.join(names)} · {comparison['task']}"),
        tag("style", Markup(style)),
    )
    documents = {row["id"]: row for row in comparison["documents"]}
    parts = [_against(number, row, names, documents) for number, row in enumerate(comparison["against"], 1)]
    body = tag("body", _header(comparison), tag("main", _sides(comparison), *parts, id="main"))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(comparison: Mapping[str, Any]) -> Markup:
    facts = {
        "Task": comparison["task"],
        "Documents": f"{comparison['common_documents']:,}",
        "Resamples": f"{comparison['resamples']:,}",
        "Seed": str(comparison["seed"]),
    }
    pairs = [tag("div", tag("dt", key), tag("dd", tag("bdi", value))) for key, value in facts.items()]
    links = [
        tag("a", tag("bdi", row["name"]), href=f"#against-{number}")
        for number, row in enumerate(comparison["against"], 1)
    ]
    return tag(
        "header",
        tag("a", "Skip to the figures", href="#main", class_="skip"),
        tag("h1", "Comparison ", tag("span", "with ", tag("bdi", comparison["sides"][0]["name"]))),
        tag("dl", *pairs, class_="facts"),
        tag("nav", tag("a", "Scores", href="#scores"), *links, aria_label="Sections"),
    )


def _sides(comparison: Mapping[str, Any]) -> Markup:
    columns = ("System", "F1", "F1 interval", "Precision", "Recall", "Exact match", "Invented spans", "Problems",
               "Gold", "Predicted")  # fmt: skip
    rows = [_side_row(side) for side in comparison["sides"]]
    notes = [tag("p", note, class_="note", role="note") for note in comparison["notes"]]
    inner = scrollable(table("Figures of each system; rates in per cent", columns, rows), "Figures of each system")
    seeds = [_seeds(comparison["seeds"])] if "seeds" in comparison else []
    return tag("section", tag("h2", "Scores"), *notes, inner, *seeds, id="scores")


def _seeds(spreads: Mapping[str, Any]) -> Markup:
    columns = ("Figure", "Seeds", "Mean", "Deviation", "Least", "Most", "Interval of the mean")
    rows = [_seed_row(name, row) for name, row in spreads.items()]
    return scrollable(table("One system with several seeds; rates in per cent", columns, rows), "Several seeds")


def _seed_row(name: str, row: Mapping[str, Any]) -> Markup:
    rates = [percent(row[part]) for part in ("mean", "sd", "min", "max")]
    cells = [str(row["n"]), *rates, f"{percent(row['low'])} – {percent(row['high'])}"]
    return tag("tr", tag("th", FIGURES[name], scope="row"), *(tag("td", cell) for cell in cells))


def _side_row(side: Mapping[str, Any]) -> Markup:
    cells = [
        percent(side["f1"]),
        f"{percent(side['f1_low'])} – {percent(side['f1_high'])}",
        *(percent(side[name]) for name in ("precision", "recall", "exact_match")),
        *(f"{side[name]:,}" for name in ("invented_spans", "problems", "gold", "predicted")),
    ]
    return tag("tr", tag("th", tag("bdi", side["name"]), scope="row"), *(tag("td", cell) for cell in cells))


def _against(
    number: int, row: Mapping[str, Any], names: Sequence[str], documents: Mapping[str, Mapping[str, Any]]
) -> Markup:
    lost, gained = ([documents[key] for key in row[part]] for part in ("lost", "gained"))
    shown = (names[0], names[number])
    return tag(
        "section",
        tag("h2", tag("bdi", row["name"]), " against ", tag("bdi", names[0])),
        tag("p", verdict(row), class_="verdict"),
        _label_table(row["labels"], shown),
        _changes("lost", "right before, wrong now", lost, shown, number),
        _changes("gained", "wrong before, right now", gained, shown, number),
        id=f"against-{number}",
    )


def _label_table(labels: Sequence[Mapping[str, Any]], shown: tuple[str, str]) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", row["label"]), scope="row"),
            *(tag("td", cell) for cell in (f"{row['gold']:,}", percent(row["first"]), percent(row["second"]))),
            tag("td", f"{100 * row['change']:+.1f}", class_=_direction(row["change"])),
        )
        for row in labels
    ]
    columns = ("Label", "Gold", f"F1 {shown[0]}", f"F1 {shown[1]}", "Change")
    inner = table("Labels, the largest change first; rates in per cent", columns, rows)
    return scrollable(inner, f"Labels of {shown[1]}", "scroll tall")


def _direction(change: float) -> str | None:
    return "up" if change > 0 else "down" if change < 0 else None


def _changes(
    kind: str, how: str, rows: Sequence[Mapping[str, Any]], shown: tuple[str, str], number: int
) -> Markup:  # fmt: skip
    items = [tag("li", *_document(row, shown, number)) for row in rows[:MOST]]
    rest = [tag("p", f"and {len(rows) - MOST:,} more, in the JSON", class_="note")] if len(rows) > MOST else []
    return tag(
        "details",
        tag("summary", f"{len(rows):,} documents {how}"),
        tag("ol", *items, class_="changes"),
        *rest,
        id=f"{kind}-{number}",
        open="" if rows else None,
    )


def _document(row: Mapping[str, Any], shown: tuple[str, str], number: int) -> Iterator[Markup]:
    yield tag("p", tag("bdi", row["id"]), class_="note")
    yield tag("p", row["text"], class_="text", dir="auto", lang=row["lang"] or None)
    answers = []
    for name, answer in zip(shown, (row["answers"][0], row["answers"][number]), strict=True):
        items = [_item(item, kind) for kind in SIGNS for item in answer[kind]]
        answers += [tag("dt", tag("bdi", name)), tag("dd", *(items or [tag("span", "nothing")]))]
    yield tag("dl", *answers, class_="answers")


def _item(item: str, kind: str) -> Markup:
    return tag("span", f"{SIGNS[kind]} ", tag("bdi", item), tag("span", f" {kind}", class_="unseen"), class_=kind)
