"""One document after another into what a score keeps of them."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from ..errors import DataError
from ..records import Record, detect_language
from ..tasks import Item, Task
from .answers import Answered, answered
from .counts import Counts
from .mistakes import Worst, foremost, mistakes, worst_of
from .overlap import absent, assigned, candidates
from .rows import Key, Row, Rows, Table, add_row, add_rows, count_rows, hit_rows, total_row
from .views import VIEWS, Keys, mentions

LENGTHS = (50, 100, 200, 500, 1000, 2000, 5000)
"""Where one length bucket ends and the next begins, in characters."""

Items: TypeAlias = Mapping[Key, Item]

SILENT = total_row((), 0)
"""The row of a document without any item on either side."""


class Tally:
    """What grows while documents pass; equal counts are kept once.

    `places`: documents by source, language, length and row. `silent`: those that are SILENT, which most texts of many
    a schema are; `settle` puts both into `groups` and `views`.
    """

    def __init__(self) -> None:
        self.documents: list[Counts] = []
        self.distinct: dict[Row, Counts] = {}
        self.labels: Table = {}
        self.places: dict[tuple[str, str, str, Row], int] = {}
        self.silent = 0
        self.groups: defaultdict[str, Table] = defaultdict(dict)
        self.views: defaultdict[str, Table] = defaultdict(dict)
        self.answers: list[Answered] = []
        self.mistakes: dict[str, dict[str, int]] = {}
        self.worst: dict[str, list[Worst]] = {}


class Sides:
    """The items of a pair by key, each once, and the predicted spans that the text does not have.

    `same`: both sides have the same items, not only the same keys, so one side is all there is to count.
    """

    __slots__ = ("absent", "found", "gold", "predicted", "same", "spans", "task", "wanted")

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
        self.same = self.wanted == self.found
        self.spans = {key: task.spans(item) for key, item in self.found.items()}
        self.absent = absent([span for spans in self.spans.values() for span in spans], gold.text)


def label_rows(sides: Sides) -> Rows:
    """Rows of one document by label."""
    label = sides.task.label
    found = {key: label(item) for key, item in sides.found.items()}
    if sides.same:
        return hit_rows(found, sides.spans.__getitem__, sides.absent)
    return _strict_rows(sides, {key: label(item) for key, item in sides.wanted.items()}, found)


def document_row(sides: Sides, rows: Rows) -> Row:
    """The document as a whole."""
    return total_row(rows.values(), len(sides.wanted.keys() & sides.found.keys()))


def _strict_rows(sides: Sides, wanted: Mapping[Key, str], found: Mapping[Key, str]) -> Rows:
    matched = {key: key for key in found if key in wanted}
    return count_rows(wanted, found, matched, sides.spans.__getitem__, sides.absent)


def add(tally: Tally, sides: Sides, seen: Set[str] | None) -> None:
    """Add a document to all that is counted but for what `settle` adds."""
    silent = not sides.wanted and not sides.found
    rows = {} if silent else label_rows(sides)
    total = SILENT if silent else document_row(sides, rows)
    tally.documents.append(tally.distinct.get(total) or tally.distinct.setdefault(total, Counts(*total)))
    place = _place(sides.gold, total)
    tally.places[place] = tally.places.get(place, 0) + 1
    if seen is not None:
        add_rows(tally.groups["seen"], _seen_rows(sides, seen))
    if sides.task.name == "QA" and (answer := answered(sides.gold, sides.predicted)):
        tally.answers.append(answer)
    if silent:
        tally.silent += 1
        return
    add_rows(tally.labels, rows)
    _add_views(tally, sides)
    if sides.wanted.keys() != sides.found.keys():
        _add_mistakes(tally, sides)


def settle(tally: Tally, task: Task) -> None:
    """Put the documents into their groups, and those that say nothing into every view: once, after the last."""
    for (source, language, length, row), times in tally.places.items():
        for group, name in (("source", source), ("language", language), ("length", length)):
            add_row(tally.groups[group], name, row, times)
    for name in VIEWS[task.name] if tally.silent else ():
        tally.views.setdefault(name, {})
        add_row(tally.groups["view"], name, SILENT, tally.silent)


def _place(gold: Record, total: Row) -> tuple[str, str, str, Row]:
    return gold.source, gold.lang or detect_language(gold.text), length_bucket(len(gold.text)), total


def length_bucket(characters: int) -> str:
    """The name of the bucket: `0-49`, `50-99`, ... `5000-`."""
    return _BUCKETS[bisect_right(LENGTHS, characters)]


_BUCKETS = (*(f"{start}-{end - 1}" for start, end in pairwise((0, *LENGTHS))), f"{LENGTHS[-1]}-")


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


class _Part(NamedTuple):
    """The keys of one part of the items, with their labels, those of both sides, and the strict rows.

    `near`: the others that overlap, wanted and found, with how much, if a view asks for it.
    """

    wanted: Mapping[Key, str]
    found: Mapping[Key, str]
    same: Mapping[Key, Key]
    near: Sequence[tuple[float, Key, Key]]
    rows: Rows
    total: Row


_LENIENT = frozenset(view.keys for views in VIEWS.values() for view in views.values() if view.overlap is not None)


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
    found = {key: key[0] for item in sides.found.values() for key in keys(item)}
    if sides.same:
        rows = hit_rows(found, _spans, sides.absent)
        return _Part(found, found, {}, (), rows, total_row(rows.values(), len(found)))
    wanted = {key: key[0] for item in sides.wanted.values() for key in keys(item)}
    same = {key: key for key in found if key in wanted}
    missed, extra = wanted.keys() - same.keys(), found.keys() - same.keys()
    near = candidates(missed, extra, sides.gold.text) if keys in _LENIENT else ()
    rows = count_rows(wanted, found, same, _spans, sides.absent)
    return _Part(wanted, found, same, near, rows, total_row(rows.values(), len(same)))


def _spans(key: Key) -> Key:
    return key[1:]


def _view_rows(part: _Part, least: float | None, sides: Sides) -> tuple[Rows, Row]:
    """Rows of a view and of all its labels; where overlap is enough, what is the same has gone first."""
    if least is None or not part.near:
        return part.rows, part.total
    hits = {**part.same, **assigned(pair for pair in part.near if pair[0] >= least)}
    if len(hits) == len(part.same):
        return part.rows, part.total
    rows = count_rows(part.wanted, part.found, hits, _spans, sides.absent)
    return rows, total_row(rows.values(), len(hits))


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
