"""The report as one HTML file that opens from disk, asks nothing of the network and lets nothing else run.

All data is escaped by `markup`; the page's script builds text nodes only. The Content-Security-Policy allows
the page's own style and script by hash, so even markup that slipped through could not run or load anything.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from .markup import Markup, data, join, tag
from .plots import interval_plot, label_plot, loss_curve
from .shape import Document, Report, Split
from .tables import label_table, split_table, stage_table, tiles

HUES = 12
FILTERS = (
    ("all", "All"),
    ("wrong", "Wrong"),
    ("missed", "Missed"),
    ("spurious", "Spurious"),
    ("ungrounded", "Not in text"),
    ("problems", "Problems"),
    ("empty", "Nothing predicted"),
)
_HERE = Path(__file__).parent


def page(report: Report) -> str:
    """The whole page; equal reports give equal bytes."""
    style, script = (_HERE.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
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
    main = tag("main", _scores(report), _labels(report, colours), _training(report), _browser(report), id="main")
    rows = {
        "splits": {name: list(split["documents"]) for name, split in report["splits"].items()},
        "hues": colours,
    }
    body = tag("body", _header(report), main, data(rows, "data"), tag("script", Markup(script)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


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


def _labels_of(documents: Iterable[Document]) -> Iterable[str]:
    return (item["label"] for row in documents for item in (*row["gold"], *row["predicted"]))


def main_split(splits: Mapping[str, Split]) -> str:
    """The split that the headline is about: `test`, or the last."""
    return "test" if "test" in splits else list(splits)[-1]


def _header(report: Report) -> Markup:
    name, _, version = report["model"].partition("/")
    facts = {"Task": report["task"], "Base": report["base"], **report.get("facts", {})}
    pairs = [tag("div", tag("dt", key), tag("dd", tag("bdi", value))) for key, value in facts.items()]
    sections = (
        ("scores", "Scores"),
        ("labels", "Labels"),
        ("training", "Training"),
        ("documents", "Documents"),
    )
    links = [tag("a", words, href=f"#{place}") for place, words in sections]
    return tag(
        "header",
        tag("a", "Skip to the figures", href="#main", class_="skip"),
        tag("button", "Dark", type="button", id="theme", hidden=""),
        tag("h1", tag("bdi", name), *([tag("span", f" version {version}")] if version else [])),
        tag("dl", *pairs, class_="facts"),
        tag("nav", *links, aria_label="Sections"),
    )


def _section(place: str, title: str, *parts: Markup) -> Markup:
    return tag("section", tag("h2", title, id=f"{place}-title"), *parts, id=place, aria_labelledby=f"{place}-title")


def _scores(report: Report) -> Markup:
    splits = report["splits"]
    name = main_split(splits)
    how = (
        "An item counts as correct only if every part of it is the same string as in the gold annotation. "
        "The interval is a 95 % bootstrap over documents. Invented spans do not occur in the text. "
        "The memorising baseline uses no model: it answers with what the training data labelled."
    )
    return _section(
        "scores",
        f"Scores on {name}",
        tiles(splits[name]["metrics"], splits[name].get("baseline")),
        split_table(splits),
        tag("div", interval_plot(splits), tag("p", how, class_="note"), class_="plots"),
    )


def _labels(report: Report, colours: Mapping[str, int]) -> Markup:
    splits = report["splits"]
    first = main_split(splits)
    names = [first, *(name for name in splits if name != first)]
    tables = [
        tag(
            "details",
            tag("summary", f"Labels of {name}"),
            label_table(name, splits[name]["metrics"].get("per_label", ()), colours),
            open="" if name == first else None,
        )
        for name in names
    ]
    plot = label_plot(splits[first]["metrics"].get("per_label", ()), colours)
    return _section("labels", "Labels", tag("div", tag("div", *tables), plot, class_="beside"))


def _training(report: Report) -> Markup:
    stages = report.get("stages", ())
    parts = [loss_curve(report.get("loss", ())), *([stage_table(stages)] if stages else [])]
    return _section("training", "Training", tag("div", *parts, class_="plots"))


def _browser(report: Report) -> Markup:
    buttons = [
        tag("button", words, type="button", data_filter=key, aria_pressed="true" if key == "all" else "false")
        for key, words in FILTERS
    ]
    first = main_split(report["splits"])
    options = [tag("option", name, value=name, selected="" if name == first else None) for name in report["splits"]]
    controls = tag(
        "div",
        tag("label", "Split ", tag("select", *options, id="split")),
        tag("label", "Search ", tag("input", type="search", id="query", placeholder="text, label or id")),
        tag("div", *buttons, class_="filters", role="group", aria_label="Show"),
        class_="controls",
    )
    turn = tag("div", _turn(), class_="turn")
    return _section(
        "documents",
        "Documents",
        tag("noscript", tag("p", "The documents are listed by a script, which is switched off here.")),
        controls,
        _legend(),
        tag("p", "", id="count", role="status", tabindex=-1),
        tag("ol", id="list"),
        turn,
    )


def _turn() -> Markup:
    return join(
        tag("button", words, type="button", id=id) for id, words in (("previous", "Previous"), ("next", "Next"))
    )


def _legend() -> Markup:
    both = tag("span", tag("span", "correct", class_="predicted h0"), class_="gold h0")
    missed = tag("span", "missed", class_="gold missed h0")
    spurious = tag("span", "spurious", class_="predicted spurious h0")
    words = (" underlined: gold; tinted: predicted. ", both, " ✓ both, ", missed, " − only gold, ", spurious)
    return tag("p", "Marks take the label's colour;", *words, " + only predicted.", class_="note legend")
