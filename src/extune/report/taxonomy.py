"""What went wrong: how often each kind of mistake was made, on which labels, and the worst documents of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..score import KINDS
from .markup import Markup, join, scrollable, tag
from .tables import bar, number, table

LABELS = 5
"""Labels named beside a kind."""
EXAMPLES = 3
"""Mistakes spelled out of one document; the browser has all of them."""
LENGTH = 90
"""Characters of a string in a table."""

WORDS = {
    "missed": "in gold, and nothing near it predicted",
    "spurious": "predicted, and nothing near it in gold",
    "boundary": "the right label, a string that only overlaps",
    "type": "the right strings under another label",
    "direction": "head and tail exchanged",
    "wrong argument": "the right event with other arguments",
    "invented": "predicted, and not in the text",
}


def taxonomy(split: str, metrics: Mapping[str, Any]) -> Markup:
    """Mistakes of a split by kind, each with a button that filters the documents by it."""
    counts = _counts(metrics.get("mistakes", ()))
    if not counts:
        return tag("p", "No mistake was made.", class_="note")
    most = max(sum(labels.values()) for labels in counts.values())
    body = [_kind_row(split, kind, counts[kind], most) for kind in KINDS if kind in counts]
    columns = ("Kind", "Mistakes", "", "Labels", "What it is")
    inner = table(f"Mistakes on {split}; a kind filters the documents below", columns, body)
    worst = _by_kind(metrics.get("worst", ()))
    tables = [_worst_table(split, kind, worst[kind]) for kind in KINDS if kind in worst]
    return join((scrollable(inner, f"Mistakes on {split}", "scroll words"), *tables))


def _counts(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["kind"], {})[row["label"]] = row["number"]
    return counts


def _by_kind(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    return kinds


def _kind_row(split: str, kind: str, labels: Mapping[str, int], most: int) -> Markup:
    total = sum(labels.values())
    named = [join((tag("bdi", cut(label) or "–"), f" {count:,}")) for label, count in list(labels.items())[:LABELS]]
    more = [f"and {len(labels) - LABELS:,} more"] if len(labels) > LABELS else []
    return tag(
        "tr",
        tag("th", _button(kind, split, kind), scope="row", class_=kind_class(kind)),
        tag("td", number(total)),
        tag("td", bar(total / most), class_=f"bar {kind_class(kind)}"),
        tag("td", *_listed([*named, *more])),
        tag("td", WORDS.get(kind, "")),
    )


def kind_class(kind: str) -> str:
    """The class that gives a kind its colour."""
    return f"kind-{kind.replace(' ', '-')}"


def _button(words: str, split: str, kind: str, document: str | None = None) -> Markup:
    return tag(
        "button",
        tag("bdi", words),
        type="button",
        data_kind=kind,
        data_split=split,
        data_document=document,
        class_="link",
    )


def _listed(parts: Sequence[str]) -> list[str]:
    return [part for place, part in enumerate(parts) for part in ((", ", part) if place else (part,))]


def _worst_table(split: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    body = [line for row in rows for line in _document_rows(split, kind, row)]
    inner = table(f"{kind.capitalize()}, {split}", ("Document", "Mistakes", "Gold", "Predicted"), body)
    heading = tag("summary", f"Worst documents: {kind}")
    return tag("details", heading, scrollable(inner, f"Worst documents of {split}: {kind}", "scroll words tall"))


def _document_rows(split: str, kind: str, row: Mapping[str, Any]) -> Iterable[Markup]:
    for place, one in enumerate(row["mistakes"][:EXAMPLES]):
        head = _button(row["id"], split, kind, row["id"]) if not place else tag("span", row["id"], class_="unseen")
        count = tag("td", "" if place else number(row["number"]))
        sides = (tag("td", _side(one[side]), dir="auto") for side in ("gold", "predicted"))
        yield tag("tr", tag("th", head, scope="row"), count, *sides, class_=None if place else "first")


def _side(key: Sequence[str]) -> Markup:
    """A label with its strings, or a dash."""
    if not key:
        return tag("span", "–", class_="quiet")
    strings = _listed([tag("bdi", cut(string)) for string in key[1:]]) or [tag("span", "no answer", class_="quiet")]
    return join((*strings, " ", tag("span", tag("bdi", cut(key[0])), class_="label-name")))


def cut(string: str) -> str:
    """The string, its end left out where it is long."""
    return string if len(string) <= LENGTH else f"{string[:LENGTH]}…"
