"""Where in a text to mark mentions, one occurrence of each, so that no two marks cross."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import AnswerError

STEPS = 20_000
"""Placements tried before giving up: real records need one or two a mention."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled stretch of the text; code points, end exclusive."""

    start: int
    end: int
    label: str


def place(wanted: Sequence[tuple[str, str]], text: str, depth: int) -> list[Mark]:
    """A mark for each (mention, label): its first occurrence outside the others, else inside, never across them.

    The longest first; a mention without a place sends the search back to the last mark in its way (conflict-directed
    backjumping, Prosser 1993). Raises AnswerError where a mention is missing from the text or no placement was found.
    """
    order = sorted(wanted, key=lambda entity: -len(entity[0]))
    marks: list[Mark] = []
    untried: list[list[Mark]] = []
    blocked: list[set[int]] = []
    clash = ""
    for _ in range(STEPS):
        at = len(marks)
        if at == len(order):
            return marks
        if at == len(untried):
            untried.append(_places(*order[at], text, marks))
            blocked.append(set())
        if untried[at]:
            mark = untried[at].pop(0)
            blockers = _blockers(mark, marks, depth)
            blocked[at] |= blockers
            marks += [] if blockers else [mark]
        elif blocked[at]:
            back = max(blocked[at])
            clash = clash or _clash(order[at], order[back], depth)
            blocked[back] |= blocked[at] - {back}
            del marks[back:], untried[back + 1 :], blocked[back + 1 :]
        else:
            break
    raise AnswerError(clash)


def _places(mention: str, label: str, text: str, marks: Sequence[Mark]) -> list[Mark]:
    """Its occurrences, those outside of all marks first. Raises AnswerError if there is none."""
    found = [Mark(start, start + len(mention), label) for start in _starts(mention, text)]
    if not found:
        raise AnswerError(
            f"tags cannot mark {mention!r} ({label}): it is not among the first {len(text)} characters of the text",
        )
    return sorted(found, key=lambda mark: any(_within(mark, other) for other in marks))


def _starts(mention: str, text: str) -> Iterator[int]:
    start = text.find(mention) if mention else -1
    while start >= 0:
        yield start
        start = text.find(mention, start + 1)


def _within(inner: Mark, outer: Mark) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _blockers(mark: Mark, marks: Sequence[Mark], depth: int) -> set[int]:
    """The marks that do not let this one be: the first that it crosses, or those around it, if they are too many."""
    around = {n for n, other in enumerate(marks) if _within(mark, other)}
    for n, other in enumerate(marks):
        if n not in around and mark.start < other.end and other.start < mark.end:
            return {n}
    return around if len(around) >= depth else set()


def _clash(one: tuple[str, str], other: tuple[str, str], depth: int) -> str:
    return (
        f"tags cannot mark both {one[0]!r} ({one[1]}) and {other[0]!r} ({other[1]}): they cross, or stand more than "
        f"{depth} deep, wherever they occur; use entity_lines or iepile_json"
    )
