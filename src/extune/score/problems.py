"""What was wrong with a model's answers, whatever they said, from the notes of `Extraction.problems`."""

from collections.abc import Iterable, Sequence

# How a note in Extraction.problems begins, and the name its figure goes by.
PROBLEM_KINDS = {
    "unread": "unread",
    "truncated": "truncated",
    "repetition": "repetition",
    "too long": "too_long",
}
OTHER = "other"

# How the note on an answer begins that could be parsed and has another shape than was asked for (shapes.check).
_MISSHAPEN = ("unread: answer", "unread: a key of answer")


def count_problems(problems: Iterable[Sequence[str]]) -> dict[str, int]:
    """Documents with at least one problem of each kind, from each document's `Extraction.problems`."""
    totals = dict.fromkeys((*PROBLEM_KINDS.values(), OTHER), 0)
    for notes in problems:
        for kind in {_kind(note) for note in notes}:
            totals[kind] += 1
    return totals


def count_invalid(problems: Iterable[Sequence[str]]) -> dict[str, int]:
    """Documents with an answer that cannot be parsed, and with one that is not, whole, what the schema asks for.

    `unparsed` are among the `unread` of `count_problems`: an unread answer may parse and have another shape.
    """
    totals = {"unparsed": 0, "invalid": 0}
    for notes in problems:
        kinds = {_kind(note) for note in notes}
        totals["unparsed"] += any(_kind(note) == "unread" and not note.startswith(_MISSHAPEN) for note in notes)
        totals["invalid"] += not kinds.isdisjoint(PROBLEM_KINDS.values())
    return totals


def _kind(note: str) -> str:
    return next((kind for start, kind in PROBLEM_KINDS.items() if note.startswith(start)), OTHER)
