"""Where the strings of an answer stand in the text. Offsets are code points, end exclusive."""

import itertools
import re
from typing import Any

Offsets = tuple[int, int]


def occurrences(text: str, span: str) -> list[Offsets]:
    """Every occurrence of `span`, overlapping ones too, in order; none for an empty span."""
    found: list[Offsets] = []
    start = text.find(span) if span else -1
    while start >= 0:
        found.append((start, start + len(span)))
        start = text.find(span, start + 1)
    return found


def locate(text: str, span: str) -> dict[str, Any]:
    """The span with the offsets of its first mention and of all; start and end are None where it is not in the text."""
    mentions = occurrences(text, span)
    start, end = mentions[0] if mentions else (None, None)
    return {"text": span, "start": start, "end": end, "mentions": [list(m) for m in mentions]}


def nearest(text: str, head: str, tail: str) -> tuple[Offsets | None, Offsets | None]:
    """The mentions of two strings that stand closest together without overlapping if they can; ties to the left."""
    heads, tails = occurrences(text, head)[:64], occurrences(text, tail)[:64]
    if not heads or not tails:
        return next(iter(heads), None), next(iter(tails), None)
    pairs = [(a, b) for a in heads for b in tails]
    return min(pairs, key=lambda pair: (_overlap(*pair), _gap(*pair), pair))


def _overlap(a: Offsets, b: Offsets) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _gap(a: Offsets, b: Offsets) -> int:
    return max(b[0] - a[1], a[0] - b[1], 0)


_SENTENCE_END = re.compile(r"[。！？!?；;\n]+|\.(?=\s|$)")


def sentences(text: str) -> list[Offsets]:
    """The sentences of a text, white space at their ends left out."""
    bounds = [0, *(m.end() for m in _SENTENCE_END.finditer(text)), len(text)]
    spans = []
    for start, end in itertools.pairwise(bounds):
        body = text[start:end]
        if body.strip():
            left = start + len(body) - len(body.lstrip())
            spans.append((left, start + len(body.rstrip())))
    return spans


def evidence(text: str, *spans: Offsets) -> Offsets:
    """The sentences that hold all the given spans, as one stretch."""
    first, last = min(s for s, _ in spans), max(e for _, e in spans)
    touched = [(s, e) for s, e in sentences(text) if s < last and e > first] or [(first, last)]
    return min(first, touched[0][0]), max(last, touched[-1][1])
