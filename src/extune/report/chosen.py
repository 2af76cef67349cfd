"""Which documents a page shows: all of them if they are few, else the worst and a sample of the others."""

from collections.abc import Iterable, Sequence

from .rows import CORRECT
from .shape import Document

MOST = 300
"""Documents of a split in the page."""
WORST = 200
"""How many of them, at most, are there for their mistakes."""
ITEMS = 300
"""Items of a document in the page, wrong ones first."""


def chosen(documents: Sequence[Document], first: Iterable[str] = ()) -> list[Document]:
    """At most MOST documents, most mistakes first: those called `first` (the score's worst), the next worst, and
    every n-th of the others."""
    ranked = sorted(range(len(documents)), key=lambda place: (-wrong(documents[place]), place))
    if len(ranked) > MOST:
        ranked = _some(documents, ranked, set(first))
    return [trimmed(documents[place]) for place in ranked]


def _some(documents: Sequence[Document], ranked: Sequence[int], first: set[str]) -> list[int]:
    named = [place for place in ranked if documents[place]["id"] in first]
    known = set(named)
    others = [place for place in ranked if place not in known and wrong(documents[place])]
    kept = {*named[:MOST], *others[: max(0, WORST - len(named))]}
    rest = sorted(place for place in ranked if place not in kept)
    room = MOST - len(kept)
    kept.update(rest[len(rest) * number // room] for number in range(min(room, len(rest))))
    return [place for place in ranked if place in kept]


def wrong(document: Document) -> int:
    """How many items of the document are wrong, and whether its answer had a problem."""
    return sum(pair["kind"] != CORRECT for pair in document["pairs"]) + bool(document["problems"])


def trimmed(document: Document) -> Document:
    """The document with ITEMS of its items at most, and how many more it has."""
    more = len(document["pairs"]) - ITEMS
    if more <= 0:
        return document
    kept = set(sorted(range(len(document["pairs"])), key=lambda i: document["pairs"][i]["kind"] == CORRECT)[:ITEMS])
    return {**document, "pairs": [pair for i, pair in enumerate(document["pairs"]) if i in kept], "more": more}
