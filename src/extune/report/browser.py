"""The place where documents are read: its controls, its legend, and the rows its script draws."""

from collections.abc import Mapping, Sequence

from ..score import KINDS
from .chosen import chosen
from .markup import Markup, join, tag
from .shape import Document, Split
from .taxonomy import kind_class

FILTERS = ("all", "wrong", *KINDS, "problems", "nothing predicted")


def documents(splits: Mapping[str, Split]) -> dict[str, list[Document]]:
    """The documents of each split that stand in the page."""
    return {
        name: chosen(split["documents"], [row["id"] for row in split["metrics"].get("worst", ())])
        for name, split in splits.items()
    }


def browser(splits: Mapping[str, Split], first: str) -> list[Markup]:
    """Controls and an empty list for the script to fill."""
    return [
        tag("noscript", tag("p", "The documents are listed by a script, which is switched off here.")),
        _controls(splits, first),
        _legend(),
        tag("p", "", id="shown", class_="note"),
        tag("p", "", id="count", role="status", tabindex=-1),
        tag("ol", id="list"),
        tag("div", _turn(), class_="turn"),
    ]


def shown_words(rows: Sequence[Document], split: Split) -> str:
    """How many of a split's documents the page has, and which."""
    total = len(split["documents"])
    if len(rows) == total:
        return f"All {total:,} documents of the split, most mistakes first."
    return f"{len(rows):,} of the {total:,} documents of the split: those with most mistakes, then a sample."


def _controls(splits: Mapping[str, Split], first: str) -> Markup:
    options = [tag("option", name, value=name, selected="" if name == first else None) for name in splits]
    buttons = [
        tag(
            "button",
            words.capitalize(),
            type="button",
            data_filter=words,
            aria_pressed="true" if words == "all" else "false",
            class_=kind_class(words) if words in KINDS else None,
        )
        for words in FILTERS
    ]
    return tag(
        "div",
        tag("label", "Split ", tag("select", *options, id="split")),
        tag("label", "Label ", tag("select", tag("option", "any", value=""), id="label")),
        tag("label", "Search ", tag("input", type="search", id="query", placeholder="text, label or id")),
        tag("div", *buttons, class_="filters", role="group", aria_label="Show"),
        class_="controls",
    )


def _turn() -> Markup:
    return join(
        tag("button", words, type="button", id=id) for id, words in (("previous", "Previous"), ("next", "Next"))
    )


def _legend() -> Markup:
    both = tag("span", tag("span", "right", class_="predicted h0"), class_="gold correct h0")
    gold = tag("span", "only gold", class_="gold h0")
    predicted = tag("span", "only predicted", class_="predicted h0")
    words = (" underlined: gold; tinted: predicted. ", both, " · − ", gold, " · + ", predicted)
    return tag("p", "Marks take the label's colour;", *words, class_="note legend")
