"""What is counted, so that the counts of two shards add up to the counts of the whole."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, of one document or of many: micro figures follow from sums of these.

    `nonempty`: documents with gold items; `empty`: those of them where nothing was predicted.
    """

    tp: int = 0
    predicted: int = 0
    gold: int = 0
    exact: int = 0
    documents: int = 0
    invented: int = 0
    spans: int = 0
    nonempty: int = 0
    empty: int = 0

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

    @property
    def empty_on_nonempty_rate(self) -> float:
        """Share of the documents with gold items where nothing was predicted."""
        return ratio(self.empty, self.nonempty)


def repeated(documents: Sequence[Counts]) -> list[tuple[Counts, int]]:
    """Each object and how often it stands there: a score keeps equal counts once, so they are few."""
    times = Counter(map(id, documents))
    return [(one, times[name]) for name, one in {id(one): one for one in documents}.items()]


def summed(documents: Sequence[Counts]) -> Counts:
    """The sum of the counts of many documents."""
    parts = repeated(documents)
    return Counts(*(sum(times * getattr(one, name) for one, times in parts) for name in Counts.__slots__))


def ratio(part: int, whole: int) -> float:
    """`part / whole`, and 0.0 where there is nothing to divide by."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Macro:
    """Means over labels, each label counting the same."""

    precision: float
    recall: float
    f1: float


def macro(labels: Mapping[str, Counts]) -> Macro:
    """Unweighted means over all labels of either side; one never predicted, or never gold, counts as 0."""
    rows = labels.values()
    figures = ((c.precision for c in rows), (c.recall for c in rows), (c.f1 for c in rows))
    return Macro(*(math.fsum(values) / (len(labels) or 1) for values in figures))


def merge(left: Mapping[str, Counts], right: Mapping[str, Counts]) -> dict[str, Counts]:
    """Counts by name added up, sorted by name."""
    none = Counts()
    return {name: left.get(name, none) + right.get(name, none) for name in sorted({*left, *right})}
