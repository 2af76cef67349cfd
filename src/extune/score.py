"""Strict scores that add up: what two shards count together is the sum of what each counts.

An item is right when its key (`task.key`) stands in the gold set: text and type, or head, relation and tail.
Both sides are sets, so repeating an answer neither helps nor hurts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import DataError
from .records import Record
from .tasks import Item, Task

# How a note in Extraction.problems begins, and the name its figure goes by.
PROBLEM_KINDS = {
    "unread": "unread",
    "truncated": "truncated",
    "repetition": "repetition",
    "too long": "too_long",
}
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, of one document or of many: micro figures follow from sums of these."""

    tp: int = 0
    predicted: int = 0
    gold: int = 0
    exact: int = 0
    documents: int = 0
    invented: int = 0
    spans: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def precision(self) -> float:
        """Share of the predicted items that are gold."""
        return ratio(self.tp, self.predicted)

    @property
    def recall(self) -> float:
        """Share of the gold items that were predicted."""
        return ratio(self.tp, self.gold)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, written so that one division rounds."""
        return ratio(2 * self.tp, self.predicted + self.gold)

    @property
    def exact_match(self) -> float:
        """Share of the documents whose predicted set is the gold set; two empty sets are equal."""
        return ratio(self.exact, self.documents)

    @property
    def invented_rate(self) -> float:
        """Share of the predicted spans that do not stand in the text."""
        return ratio(self.invented, self.spans)


def ratio(part: int, whole: int) -> float:
    """`part / whole`, and 0.0 where there is nothing to divide by."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of a set of documents, one by one (for resampling) and by label; scores of shards add up."""

    per_document: tuple[Counts, ...] = ()
    per_label: Mapping[str, Counts] = field(default_factory=dict)

    def __add__(self, other: "Score") -> "Score":
        names = sorted({*self.per_label, *other.per_label})
        none = Counts()
        per_label = {name: self.per_label.get(name, none) + other.per_label.get(name, none) for name in names}
        return Score(self.per_document + other.per_document, per_label)

    @property
    def total(self) -> Counts:
        """All documents together."""
        return sum(self.per_document, Counts())


def count(gold: Record, predicted: Record, task: Task) -> Counts:
    """Counts of one document. Raises DataError if the two records are not of the same document."""
    return _compare(*_sides(gold, predicted, task), gold.text, task)


def count_labels(gold: Record, predicted: Record, task: Task) -> dict[str, Counts]:
    """Counts of one document, label by label, for the labels that occur on either side."""
    wanted, found = _sides(gold, predicted, task)
    names = sorted({task.label(item) for item in (*wanted.values(), *found.values())})
    return {
        name: _compare(_labelled(wanted, name, task), _labelled(found, name, task), gold.text, task) for name in names
    }


def score(pairs: Iterable[tuple[Record, Record]], task: Task) -> Score:
    """Score of (gold, predicted) pairs."""
    documents: list[Counts] = []
    labels: dict[str, Counts] = {}
    for gold, predicted in pairs:
        documents.append(count(gold, predicted, task))
        for name, counts in count_labels(gold, predicted, task).items():
            labels[name] = labels.get(name, Counts()) + counts
    return Score(tuple(documents), {name: labels[name] for name in sorted(labels)})


def bootstrap(per_document: Sequence[Counts], resamples: int, seed: int) -> tuple[float, float]:
    """95 % percentile interval of micro F1 over documents drawn with replacement.

    Documents with equal counts are interchangeable, so one multinomial draw over the distinct counts is the
    bootstrap itself: independent of the documents' order, and small for any number of them.
    """
    import numpy as np

    if not per_document:
        return 0.0, 0.0
    rows = np.array([(counts.tp, counts.predicted, counts.gold) for counts in per_document])
    kinds, sizes = np.unique(rows, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(rows), sizes / len(rows), size=resamples)
    tp, predicted, gold = (drawn @ kinds).T
    low, high = np.percentile(2 * tp / np.maximum(predicted + gold, 1), (2.5, 97.5))
    return float(low), float(high)


def count_problems(problems: Iterable[Sequence[str]]) -> dict[str, int]:
    """Documents with at least one problem of each kind, from each document's `Extraction.problems`."""
    totals = dict.fromkeys((*PROBLEM_KINDS.values(), OTHER), 0)
    for notes in problems:
        for kind in {_kind(note) for note in notes}:
            totals[kind] += 1
    return totals


def summary(score: Score, problems: Mapping[str, int], resamples: int, seed: int) -> dict[str, Any]:
    """Plain JSON figures of a score: numbers by name, and `per_label` rows, most gold items first.

    `problems` comes from `count_problems`; what never had a model to go wrong (a baseline) gives `{}`.
    """
    total, documents = score.total, len(score.per_document)
    low, high = bootstrap(score.per_document, resamples, seed)
    return {
        **_figures(total, "precision", "recall", "f1", "exact_match", "invented_rate"),
        **_figures(total, "documents", "gold", "predicted", "tp"),
        "f1_low": low,
        "f1_high": high,
        "invented_spans": total.invented,
        "parse_rate": ratio(documents - problems.get("unread", 0), documents),
        **{f"{kind}_rate": ratio(number, documents) for kind, number in problems.items()},
        "per_label": _label_rows(score.per_label),
    }


def _figures(counts: Counts, *names: str) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in names}


def _label_rows(per_label: Mapping[str, Counts]) -> list[dict[str, Any]]:
    names = sorted(per_label, key=lambda name: (-per_label[name].gold, name))
    return [
        {"label": name, **_figures(per_label[name], "precision", "recall", "f1", "gold", "predicted")} for name in names
    ]


def _kind(note: str) -> str:
    return next((kind for start, kind in PROBLEM_KINDS.items() if note.startswith(start)), OTHER)


Distinct = Mapping[tuple[str, ...], Item]


def _sides(gold: Record, predicted: Record, task: Task) -> tuple[Distinct, Distinct]:
    if gold.id != predicted.id:
        raise DataError(
            f"the prediction for {predicted.id!r} was paired with the gold record {gold.id!r}",
            where=gold.where,
            remedy="Give gold and predictions in the same order",
        )
    return _distinct(gold, task), _distinct(predicted, task)


def _distinct(record: Record, task: Task) -> Distinct:
    return {task.key(item): item for item in task.items(record)}


def _labelled(items: Distinct, name: str, task: Task) -> Distinct:
    return {key: item for key, item in items.items() if task.label(item) == name}


def _compare(wanted: Distinct, found: Distinct, text: str, task: Task) -> Counts:
    spans = [span for item in found.values() for span in task.spans(item)]
    return Counts(
        tp=len(wanted.keys() & found.keys()),
        predicted=len(found),
        gold=len(wanted),
        exact=int(wanted.keys() == found.keys()),
        documents=1,
        invented=sum(span not in text for span in spans),
        spans=len(spans),
    )
