"""The report as one HTML file that opens from disk, asks nothing of the network and lets nothing else run.

All data is escaped by `markup`; the page's script builds text nodes only. The Content-Security-Policy allows
the page's own style and script by hash, so even markup that slipped through could not run or load anything.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from .breakdown import answer_table, group_tables, health_table, view_label_tables, view_table
from .browser import browser, documents, shown_words
from .confidence import confidence_plots
from .markup import Markup, data, tag
from .plots import interval_plot, label_plot, loss_curve
from .shape import Document, Report, Split
from .tables import label_table, split_table, stage_table, tiles
from .taxonomy import taxonomy

HUES = 12
STYLES = ("page.css", "documents.css")
SCRIPTS = ("text.js", "items.js", "page.js")
_HERE = Path(__file__).parent


def page(report: Report) -> str:
    """The whole page; equal reports give equal bytes."""
    style = "".join(map(_read, STYLES))
    script = f'"use strict";\n(() => {{\n{"".join(map(_read, SCRIPTS))}}})();\n'
    colours = hues(report)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{report['model']} · {report['task']}"),
        tag("style", Markup(style)),
    )
    rows = documents(report["splits"])
    shown = {
        "splits": rows,
        "hues": colours,
        "shown": {name: shown_words(rows[name], split) for name, split in report["splits"].items()},
    }
    sections = _sections(report, colours)
    main = tag("main", *(_section(*section) for section in sections), id="main")
    header = _header(report, [(place, title) for place, title, _ in sections])
    body = tag("body", header, main, data(shown, "data"), tag("script", Markup(script)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _read(name: str) -> str:
    return _HERE.joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy of a page that has this style and this script, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def hues(report: Report) -> dict[str, int]:
    """A colour number for every label, the most frequent first; they come round again after HUES."""
    names: dict[str, None] = {}
    for split in report["splits"].values():
        names.update((row["label"], None) for row in split["metrics"].get("per_label", ()))
        names.update((label, None) for label in _labels_of(split["documents"]))
    return {name: number % HUES for number, name in enumerate(names)}


def _labels_of(rows: Iterable[Document]) -> Iterable[str]:
    items = (item for row in rows for pair in row["pairs"] for item in (pair["gold"], pair["predicted"]))
    return (item["label"] for item in items if item)


def main_split(splits: Mapping[str, Split]) -> str:
    """The split that the headline is about: `test`, or the last."""
    return "test" if "test" in splits else list(splits)[-1]


def _header(report: Report, sections: Iterable[tuple[str, str]]) -> Markup:
    name, _, version = report["model"].partition("/")
    facts = {"Task": report["task"], "Base": report["base"], **report.get("facts", {})}
    pairs = [tag("div", tag("dt", key), tag("dd", tag("bdi", value))) for key, value in facts.items()]
    links = [tag("a", words, href=f"#{place}") for place, words in sections]
    return tag(
        "header",
        tag("a", "Skip to the figures", href="#main", class_="skip"),
        tag("button", "Dark", type="button", id="theme", hidden=""),
        tag("h1", tag("bdi", name), *([tag("span", f" version {version}")] if version else [])),
        tag("dl", *pairs, class_="facts"),
        tag("nav", *links, aria_label="Sections"),
    )


def _sections(report: Report, colours: Mapping[str, int]) -> list[tuple[str, str, list[Markup]]]:
    """Place, title and parts of each section."""
    splits, sure = report["splits"], report.get("confidence")
    name = main_split(splits)
    return [
        ("scores", f"Scores on {name}", _scores(report)),
        ("mistakes", "Mistakes", _each(splits, "Mistakes on", lambda n, s: [taxonomy(n, s["metrics"])])),
        ("labels", "Labels", _labels(splits, colours)),
        ("groups", "Groups", _each(splits, "Groups of", _groups)),
        *([("confidence", f"Confidence on {sure['split']}", [confidence_plots(sure)])] if sure else []),
        ("training", "Training", _training(report)),
        ("documents", "Documents", browser(splits, name)),
    ]


def _section(place: str, title: str, parts: Iterable[Markup]) -> Markup:
    return tag("section", tag("h2", title, id=f"{place}-title"), *parts, id=place, aria_labelledby=f"{place}-title")


def _scores(report: Report) -> list[Markup]:
    splits = report["splits"]
    name = main_split(splits)
    how = (
        "An item counts as correct only if every part of it is the same string as in the gold annotation. "
        "F1 counts all items alike, macro F1 all labels. Exact match: documents without any mistake. "
        "The interval is a 95 % bootstrap over documents. Invented spans do not occur in the text. "
        "The memorising baseline uses no model: it answers with what the training data labelled."
    )
    return [
        tiles(splits[name]["metrics"], splits[name].get("baseline")),
        split_table(splits),
        *answer_table(splits),
        *view_table(name, splits[name]["metrics"], report["task"]),
        health_table(splits),
        tag("div", interval_plot(splits), tag("p", how, class_="note"), class_="plots"),
    ]


def _each(splits: Mapping[str, Split], words: str, build: Callable[[str, Split], Sequence[Markup]]) -> list[Markup]:
    """The same of every split, one below the other, the headline's first and open."""
    first = main_split(splits)
    names = (first, *(name for name in splits if name != first))
    return [
        tag(
            "details",
            tag("summary", f"{words} {name}"),
            *build(name, splits[name]),
            open="" if name == first else None,
        )
        for name in names
    ]


def _labels(splits: Mapping[str, Split], colours: Mapping[str, int]) -> list[Markup]:
    first = splits[main_split(splits)]["metrics"]
    tables = _each(
        splits, "Labels of", lambda n, split: [label_table(n, split["metrics"].get("per_label", ()), colours)]
    )
    plot = label_plot(first.get("per_label", ()), colours)
    lenient = view_label_tables(main_split(splits), first)
    more = [tag("details", tag("summary", "Labels, counted in other ways"), *lenient)] if lenient else []
    return [tag("div", tag("div", *tables), plot, class_="beside"), *more]


def _groups(name: str, split: Split) -> list[Markup]:
    tables = group_tables(name, split["metrics"])
    return [tag("div", *tables, class_="columns")] if tables else [tag("p", "No groups were counted.", class_="note")]


def _training(report: Report) -> list[Markup]:
    stages = report.get("stages", ())
    parts = [loss_curve(report.get("loss", ())), *([stage_table(stages)] if stages else [])]
    return [tag("div", *parts, class_="plots")]
