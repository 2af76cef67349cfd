"""Texts that occur twice, in one split or in two; of each text only hashes are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from ..records import Record
from .sketches import Sketch, near_across, near_within, sketch

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

    Records with the same text but other questions about it are no duplicates of each other.
    """

    numbers: dict[bytes, int] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    sketches: list[Sketch] = field(default_factory=list)
    asked: set[bytes] = field(default_factory=set)
    records: int = 0
    repeated: int = 0
    repetitions: list[Pair] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Count a record in."""
        self.records += 1
        text = " ".join(record.text.split())
        name = digest(text)
        number = self.numbers.setdefault(name, len(self.counts))
        if number == len(self.counts):
            self.counts.append(0)
            self.places.append(place(record))
            self.sketches.append(sketch(text))
        self.counts[number] += 1
        self._repeated(record, digest(name.hex(), record.qa.question) if record.qa else name, number)

    def _repeated(self, record: Record, asked: bytes, number: int) -> None:
        if asked in self.asked:
            self.repeated += 1
            if len(self.repetitions) < EXAMPLES:
                self.repetitions.append(Pair(place(record), self.places[number], 1.0))
        self.asked.add(asked)


def digest(*parts: str) -> bytes:
    """Eight bytes that stand for these strings; the same in every process."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def place(record: Record) -> str:
    """`file:line`, or the id where there is none."""
    return record.where or record.id


def duplicates(texts: Texts) -> Duplicates:
    """Repetitions inside a split: every record after the first of its kind."""
    near = near_within(texts.sketches)
    pairs = (Pair(texts.places[one], texts.places[other], round(s, 3)) for one, (other, s) in near.items())
    return _figures(texts, texts.repeated, sum(texts.counts[one] for one in near), texts.repetitions, pairs)


def shared(texts: Texts, others: Texts) -> Duplicates:
    """Records whose text is also among the others, exactly or nearly."""
    same = [(one, others.numbers[name]) for name, one in texts.numbers.items() if name in others.numbers]
    exactly = {one for one, _ in same}
    near = {one: match for one, match in near_across(texts.sketches, others.sketches).items() if one not in exactly}
    pairs = (Pair(texts.places[one], others.places[other], round(s, 3)) for one, (other, s) in near.items())
    return _figures(
        texts,
        sum(texts.counts[one] for one, _ in same),
        sum(texts.counts[one] for one in near),
        [Pair(texts.places[one], others.places[other], 1.0) for one, other in same[:EXAMPLES]],
        pairs,
    )


def _figures(texts: Texts, exact: int, near: int, same: Sequence[Pair], nearly: Iterator[Pair]) -> Duplicates:
    found = sorted(nearly, key=lambda pair: -pair.similarity)[:EXAMPLES]
    return Duplicates(exact, near, share(exact, texts.records), share(near, texts.records), (*same, *found))


def share(part: int, whole: int) -> float:
    """A part of 1 with four decimals; 0 of nothing."""
    return round(part / whole, 4) if whole else 0.0
