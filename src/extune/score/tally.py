"""One document after another into what a score keeps of them."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import DataError
from ..records import Record, detect_language
from ..tasks import Item, Task
from .answers import Answered, answered
from .counts import Counts
from .mistakes import Worst, foremost, mistakes, worst_of
from .overlap import absent, assigned, candidates
from .rows import Key, Row, Rows, Table, add_row, add_rows, count_rows, total_row
from .views import VIEWS, Keys, mentions

LENGTHS = (50, 100, 200, 500, 1000, 2000, 5000)
"""Where one length bucket ends and the next begins, in characters."""

Items: TypeAlias = Mapping[Key, Item]


class Tally:
    """What grows while documents pass; equal counts are kept once."""

    def __init__(self) -> None:
        self.documents: list[Counts] = []
        self.distinct: dict[Row, Counts] = {}
        self.labels: Table = {}
        self.groups: defaultdict[str, Table] = defaultdict(dict)
        self.views: defaultdict[str, Table] = defaultdict(dict)
        self.answers: list[Answered] = []
        self.mistakes: dict[str, dict[str, int]] = {}
        self.worst: dict[str, list[Worst]] = {}


class Sides:
    """The items of a pair by key, each once, and the predicted spans that the text does not have."""

    def __init__(self, gold: Record, predicted: Record, task: Task) -> None:
        if gold.id != predicted.id:
            raise DataError(
                f"the prediction for {predicted.id!r} was paired with the gold record {gold.id!r}",
                where=gold.where,
                remedy="Give gold and predictions in the same order",
            )
        self.gold, self.predicted, self.task = gold, predicted, task
        self.wanted: Items = {task.key(item): item for item in task.items(gold)}
        self.found: Items = {task.key(item): item for item in task.items(predicted)}
        self.spans = {key: task.spans(item) for key, item in self.found.items()}
        self.absent = absent((span for spans in self.spans.values() for span in spans), gold.text)


def label_rows(sides: Sides) -> Rows:
    """Rows of one document by label."""
    label = sides.task.label
    wanted = {key: label(item) for key, item in sides.wanted.items()}
    return _strict_rows(sides, wanted, {key: label(item) for key, item in sides.found.items()})


def document_row(sides: Sides, rows: Rows) -> Row:
    """The document as a whole."""
    return total_row(rows.values(), len(sides.wanted.keys() & sides.found.keys()))


def _strict_rows(sides: Sides, wanted: Mapping[Key, str], found: Mapping[Key, str]) -> Rows:
    matched = {key: key for key in found if key in wanted}
    return count_rows(wanted, found, matched, sides.spans.__getitem__, sides.absent)


def add(tally: Tally, sides: Sides, seen: Set[str] | None) -> None:
    """Add a document to all that is counted."""
    rows = label_rows(sides)
    total = document_row(sides, rows)
    tally.documents.append(tally.distinct.get(total) or tally.distinct.setdefault(total, Counts(*total)))
    add_rows(tally.labels, rows)
    for group, name in _places(sides.gold):
        add_row(tally.groups[group], name, total)
    if seen is not None:
        add_rows(tally.groups["seen"], _seen_rows(sides, seen))
    _add_views(tally, sides)
    if sides.task.name == "QA" and (answer := answered(sides.gold, sides.predicted)):
        tally.answers.append(answer)
    if sides.wanted.keys() != sides.found.keys():
        _add_mistakes(tally, sides)


def _places(gold: Record) -> tuple[tuple[str, str], ...]:
    """The groups that a document belongs to as a whole."""
    language = gold.lang or detect_language(gold.text)
    return (("source", gold.source), ("language", language), ("length", length_bucket(len(gold.text))))


def length_bucket(characters: int) -> str:
    """The name of the bucket: `0-49`, `50-99`, ... `5000-`."""
    place = bisect_right(LENGTHS, characters)
    start = LENGTHS[place - 1] if place else 0
    return f"{start}-{LENGTHS[place] - 1}" if place < len(LENGTHS) else f"{start}-"


def _seen_rows(sides: Sides, seen: Set[str]) -> Rows:
    names = [
        {key: _met(mentions(item, sides.task), seen) for key, item in items.items()}
        for items in (sides.wanted, sides.found)
    ]
    return _strict_rows(sides, *names)


def _met(strings: tuple[str, ...], seen: Set[str]) -> str:
    """`seen` where training data names all of the strings, `partly` where some; an item of no strings is `none`."""
    if not strings:
        return "none"
    hits = sum(string in seen for string in strings)
    return "seen" if hits == len(strings) else "partly" if hits else "unseen"


@dataclass(frozen=True, slots=True)
class _Part:
    """The keys of one part of the items, with their labels, those of both sides, and the strict rows."""

    wanted: dict[Key, str]
    found: dict[Key, str]
    same: dict[Key, Key]
    rows: Rows
    total: Row


def _add_views(tally: Tally, sides: Sides) -> None:
    parts: dict[Keys, _Part] = {}
    for name, view in VIEWS[sides.task.name].items():
        part = parts.get(view.keys)
        if part is None:
            part = parts[view.keys] = _part(sides, view.keys)
        rows, total = _view_rows(part, view.overlap, sides)
        add_rows(tally.views[name], rows)
        add_row(tally.groups["view"], name, total)


def _part(sides: Sides, keys: Keys) -> _Part:
    wanted = {key: key[0] for item in sides.wanted.values() for key in keys(item)}
    found = {key: key[0] for item in sides.found.values() for key in keys(item)}
    same = {key: key for key in found if key in wanted}
    rows = count_rows(wanted, found, same, _spans, sides.absent)
    return _Part(wanted, found, same, rows, total_row(rows.values(), len(same)))


def _spans(key: Key) -> Key:
    return key[1:]


def _view_rows(part: _Part, least: float | None, sides: Sides) -> tuple[Rows, Row]:
    """Rows of a view and of all its labels; where overlap is enough, what is the same has gone first."""
    wanted, found, same = part.wanted, part.found, part.same
    if least is None or len(same) in (len(wanted), len(found)):
        return part.rows, part.total
    pairs = candidates(wanted.keys() - same.keys(), found.keys() - same.keys(), sides.gold.text)
    near = assigned(pair for pair in pairs if pair[0] >= least)
    if not near:
        return part.rows, part.total
    rows = count_rows(wanted, found, same | near, _spans, sides.absent)
    return rows, total_row(rows.values(), len(same) + len(near))


def _add_mistakes(tally: Tally, sides: Sides) -> None:
    made = mistakes(sides.wanted, sides.found, sides.gold.text, sides.task, sides.absent)
    for mistake in made:
        labels = tally.mistakes.setdefault(mistake.kind, {})
        labels[mistake.label] = labels.get(mistake.label, 0) + 1
    for kind, worst in worst_of(sides.gold.id, made).items():
        known = tally.worst.setdefault(kind, [])
        known.append(worst)
        if len(known) > 1000:
            known[:] = foremost(known)
