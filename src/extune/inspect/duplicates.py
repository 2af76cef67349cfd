"""Texts that occur twice, in one split or in two; of each text only hashes are kept."""

import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..index import Index, key_of
from ..records import Record
from .near import Near, near_across, near_within
from .places import Places
from .sketches import Sketches

EXAMPLES = 10


@dataclass(frozen=True)
class Pair:
    """Two places with the same text or nearly so; `similarity` 1 is the same."""

    where: str
    same_as: str
    similarity: float


@dataclass(frozen=True)
class Duplicates:
    """Records whose text is that of another (`exact`) or near it (`near`); shares are of all records."""

    exact: int
    near: int
    exact_share: float
    near_share: float
    examples: tuple[Pair, ...]


@dataclass
class Texts:
    """The texts of one split: distinct ones with their sketch, how many records have each, where the first is.

    Records with the same text but other questions about it are no duplicates of each other. Some 40 bytes a text.
    """

    index: Index = field(default_factory=Index)
    counts: "array[int]" = field(default_factory=lambda: array("I"))
    places: Places = field(default_factory=Places)
    sketches: Sketches = field(default_factory=Sketches)
    asked: Index = field(default_factory=Index)
    unasked: bytearray = field(default_factory=bytearray)
    records: int = 0
    repeated: int = 0
    repetitions: list[Pair] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Count a record in."""
        self.records += 1
        text = " ".join(record.text.split())
        key = key_of(text)
        if self.index.add(key):
            self.counts.append(0)
            self.places.add(place(record))
            self.sketches.add(text)
            self.unasked.append(0)
        number = self.index.find(key)
        self.counts[number] += 1
        if self._is_repeated(record, key, number):
            self.repeated += 1
            if len(self.repetitions) < EXAMPLES:
                self.repetitions.append(Pair(place(record), self.places[number], 1.0))

    def _is_repeated(self, record: Record, key: int, number: int) -> bool:
        if record.qa:
            return not self.asked.add(key_of(str(key), record.qa.question))
        before, self.unasked[number] = self.unasked[number], 1
        return bool(before)


def place(record: Record) -> str:
    """`file:line`, or the id where there is none."""
    return record.where or record.id


def duplicates(texts: Texts) -> Duplicates:
    """Repetitions inside a split: every record after the first of its kind."""
    return _figures(texts, texts.repeated, texts.repetitions, near_within(texts.sketches), texts)


def shared(texts: Texts, others: Texts) -> Duplicates:
    """Records whose text is also among the others, exactly or nearly."""
    exactly = bytearray(len(texts.index))
    same: list[Pair] = []
    exact = 0
    for number, key in enumerate(texts.index.keys):
        other = others.index.find(key)
        if other >= 0:
            exactly[number] = 1
            exact += texts.counts[number]
            if len(same) < EXAMPLES:
                same.append(Pair(texts.places[number], others.places[other], 1.0))
    near = (found for found in near_across(texts.sketches, others.sketches) if not exactly[found.text])
    return _figures(texts, exact, same, near, others)


def _figures(texts: Texts, exact: int, same: Sequence[Pair], near: Iterable[Near], others: Texts) -> Duplicates:
    """Of the near ones the nearest are kept as examples."""
    records = 0

    def nearest() -> Iterator[tuple[float, int, int]]:
        nonlocal records
        for found in near:
            records += texts.counts[found.text]
            yield -round(found.similarity, 3), found.text, found.other

    found = heapq.nsmallest(EXAMPLES, nearest())
    pairs = (Pair(texts.places[text], others.places[other], -similarity) for similarity, text, other in found)
    return Duplicates(exact, records, share(exact, texts.records), share(records, texts.records), (*same, *pairs))


def share(part: int, whole: int) -> float:
    """A part of 1 with four decimals; 0 of nothing."""
    return round(part / whole, 4) if whole else 0.0
