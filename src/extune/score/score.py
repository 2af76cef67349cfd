"""Scores of (gold, predicted) pairs, a pair at a time; what is kept of a document is its counts."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from ..records import Record
from ..tasks import Task
from .answers import Answered
from .counts import Counts, merge, summed
from .mistakes import Mistakes, settled
from .rows import frozen
from .tally import Sides, Tally, add, document_row, label_rows, settle
from .views import mentions

GROUPS = ("view", "source", "language", "length", "seen")

Tables: TypeAlias = Mapping[str, Mapping[str, Counts]]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of a set of documents, one by one (for resampling) and by label; scores of shards add up.

    `groups`: counts by name of each of GROUPS. `views`: counts by label of each view. `answers`: of QA, one a question.
    """

    per_document: tuple[Counts, ...] = ()
    per_label: Mapping[str, Counts] = field(default_factory=dict)
    groups: Tables = field(default_factory=dict)
    views: Tables = field(default_factory=dict)
    answers: tuple[Answered, ...] = ()
    mistakes: Mistakes = field(default_factory=Mistakes)

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.per_document + other.per_document,
            merge(self.per_label, other.per_label),
            _merged(self.groups, other.groups),
            _merged(self.views, other.views),
            self.answers + other.answers,
            self.mistakes + other.mistakes,
        )

    @property
    def total(self) -> Counts:
        """All documents together."""
        return summed(self.per_document)


def _merged(left: Tables, right: Tables) -> Tables:
    return {name: merge(left.get(name, {}), right.get(name, {})) for name in sorted({*left, *right})}


def count(gold: Record, predicted: Record, task: Task) -> Counts:
    """Counts of one document. Raises DataError if the two records are not of the same document."""
    sides = Sides(gold, predicted, task)
    return Counts(*document_row(sides, label_rows(sides)))


def count_labels(gold: Record, predicted: Record, task: Task) -> dict[str, Counts]:
    """Counts of one document, label by label, for the labels that occur on either side."""
    rows = label_rows(Sides(gold, predicted, task))
    return {name: Counts(*rows[name]) for name in sorted(rows)}


def known_mentions(records: Iterable[Record], task: Task) -> frozenset[str]:
    """The strings that training data names, for `score` to tell what a model had met."""
    return frozenset(string for record in records for item in task.items(record) for string in mentions(item, task))


def score(pairs: Iterable[tuple[Record, Record]], task: Task, seen: Set[str] | None = None) -> Score:
    """Score of (gold, predicted) pairs; `seen` (`known_mentions` of the training data) adds the group `seen`.

    An item is right when its key (`task.key`) stands in the gold set: text and type, or head, relation and tail.
    Both sides are sets, so repeating an answer neither helps nor hurts.
    """
    tally = Tally()
    for gold, predicted in pairs:
        add(tally, Sides(gold, predicted, task), seen)
    settle(tally, task)
    return Score(
        tuple(tally.documents),
        frozen(tally.labels),
        {name: frozen(rows) for name, rows in sorted(tally.groups.items())},
        {name: frozen(rows) for name, rows in sorted(tally.views.items())},
        tuple(tally.answers),
        settled(tally.mistakes, tally.worst),
    )
