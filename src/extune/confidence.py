"""How sure the model was of each item: the probability of the tokens that spell it.

The confidence of an item is the product of the probabilities of its tokens, each among those that the grammar allowed
there: the chance that the model would write this item at this place. A token that the grammar forces has 1 and so does
not count.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .errors import AnswerError
from .notations import Notation
from .parts import Range, parts
from .schema import Schema
from .tasks import Item, Task

LEAST = 1e-6
"""Confidence is from here to 1: no item that was written is impossible."""

Scored = Sequence[tuple[int, float]]
"""For each token of an answer: where it ends, in characters, and its log-probability."""
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """All that it takes to read an answer to a question about `labels`."""

    task: Task
    notation: Notation
    labels: Sequence[str]
    schema: Schema

    def keys(self, answer: str) -> dict[Key, None]:
        """The keys of an answer's items. Raises AnswerError."""
        value = self.notation.read(answer, self.task.shape(self.labels, self.schema))
        return dict.fromkeys(map(self.task.key, self.task.decode(value, self.labels, self.schema)))


def confidences(answer: str, tokens: Scored, found: Iterable[Item], reading: Reading) -> dict[Key, float]:
    """The confidence of each item found in an answer; {} without token scores.

    An item that is written several times has the highest; one that no part spells, that of the whole answer.
    """
    if not tokens:
        return {}
    shape = reading.task.shape(reading.labels, reading.schema)
    score = scorer(tokens)
    said: dict[Key, float] = {}
    for part in parts(reading.notation.name, answer, shape):
        try:
            known = reading.keys(part.context) if part.context else {}
            here = reading.keys(part.answer)
        except AnswerError:
            continue
        raise_to(said, {key: score(part.ranges) for key in here if key not in known})
    whole = score(((0, len(answer) + 1),))
    return {key: said.get(key, whole) for key in map(reading.task.key, found)}


def raise_to(known: dict[Key, float], more: Mapping[Key, float]) -> None:
    """Each item's higher confidence into `known`."""
    for key, value in more.items():
        known[key] = max(known.get(key, 0.0), value)


def scorer(tokens: Scored) -> Callable[[Iterable[Range]], float]:
    """What says how probable the tokens are that have a character in one of some ranges, six decimals.

    A token that ends where it begins (half a character, the end of the answer) belongs to the character there.
    """
    starts = [0, *(end for end, _ in tokens[:-1])]
    placed = [(start, max(end, start + 1), score) for start, (end, score) in zip(starts, tokens, strict=True)]

    def score(ranges: Iterable[Range]) -> float:
        wanted = list(ranges)
        total = math.fsum(
            logarithm for low, high, logarithm in placed if any(low < end and high > start for start, end in wanted)
        )
        return max(round(math.exp(min(total, 0.0)), 6), LEAST)

    return score
