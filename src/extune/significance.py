"""How sure a difference between two systems is, from their counts of the same documents.

Counts are rows of (tp, predicted, gold), one a document, in the same order on both sides. Documents whose counts are
equal are interchangeable, so resamples are drawn over the distinct ones: the result does not depend on the documents'
order, and a resample of many documents costs no more than one of the distinct.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import DataError

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

Rows: TypeAlias = Sequence[Sequence[int]]
"""(tp, predicted, gold) of each document."""

RESAMPLES = 10_000
BLOCK = 2_000_000
"""Numbers drawn at once: what a resample needs in memory, times the resamples of a block."""
TIE = 1e-12
"""Two differences closer than this are equal: it is far below the step that one item makes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Micro F1 of both systems, `second - first` with its 95 % interval, and the two-sided p of "no difference"."""

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Randomised:
    """`second - first` in micro F1 and its two-sided p; `exact` where every assignment was tried."""

    difference: float
    p: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several seeds; low and high are the 95 % t interval of the mean, None for a single seed."""

    n: int
    mean: float
    sd: float | None
    min: float
    max: float
    low: float | None
    high: float | None


def paired_bootstrap(first: Rows, second: Rows, resamples: int = RESAMPLES, seed: int = 0) -> Difference:
    """Difference of micro F1 over documents drawn with replacement, both systems on the same draw.

    The interval is the percentile one; p counts the draws that lie at least as far from the observed difference as
    that lies from none (https://aclanthology.org/D12-1091). Raises DataError for sides of unequal length.
    """
    import numpy as np

    kinds, sizes, sign = _oriented(first, second)
    if not len(kinds):
        return Difference(0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    documents = sizes.sum()
    rng = np.random.default_rng(seed)
    draws = _blocks(resamples, len(kinds), lambda n: rng.multinomial(documents, sizes / documents, size=n) @ kinds)
    shifts = sign * (_f1(draws[:, 3:]) - _f1(draws[:, :3]))
    one, two = (float(_f1(np.asarray(rows).sum(axis=0))) for rows in (first, second))
    low, high = np.percentile(shifts, (2.5, 97.5))
    far = int((np.abs(shifts - (two - one)) >= abs(two - one) - TIE).sum())
    return Difference(one, two, two - one, float(low), float(high), (far + 1) / (resamples + 1))


def randomisation(first: Rows, second: Rows, rounds: int = RESAMPLES, seed: int = 0) -> Randomised:
    """Approximate randomisation: how often chance alone gives such a difference if each document's two answers are
    exchanged by a coin (Noreen 1989; https://aclanthology.org/C00-2137).

    Exact where trying every assignment takes no more rounds than asked. Raises DataError for sides of unequal length.
    """
    import numpy as np

    kinds, sizes, sign = _oriented(first, second)
    start = sizes @ kinds
    observed = float(_f1(start[3:]) - _f1(start[:3]))
    moves = (kinds[:, :3] != kinds[:, 3:]).any(axis=1)
    change, free = (kinds[:, 3:] - kinds[:, :3])[moves], sizes[moves]
    if exact := 2 ** int(min(free.sum(), 64)) <= rounds:
        shifted = _assignments(np.repeat(change, free, axis=0))
    else:
        rng = np.random.default_rng(seed)
        shifted = _blocks(rounds, len(change), lambda n: rng.binomial(free, 0.5, size=(n, len(free))) @ change)
    drawn = _f1(start[3:] - shifted) - _f1(start[:3] + shifted)
    far = int((np.abs(drawn) >= abs(observed) - TIE).sum())
    p = far / len(drawn) if exact else (far + 1) / (rounds + 1)
    return Randomised(sign * observed, p, exact)


def spread(values: Sequence[float]) -> Spread:
    """Mean, sample deviation, range and the t interval of one figure over seeds. Raises DataError for no value."""
    if not values:
        raise DataError("no figure to summarise", remedy="Give one value for each seed")
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Spread(1, mean, None, mean, mean, None, None)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(0.975, n - 1) * sd / math.sqrt(n)
    return Spread(n, mean, sd, min(values), max(values), mean - half, mean + half)


def t_quantile(share: float, freedom: int) -> float:
    """Student's t below which `share` (at least a half) of the distribution lies, by bisection."""
    low, high = 0.0, 1.0
    while _t_below(high, freedom) < share:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_below(middle, freedom) < share else (low, middle)
    return high


def _t_below(t: float, freedom: int) -> float:
    """The closed form for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = (cosine if odd else 1.0) if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    inside = (angle + sine * total) * 2 / math.pi if odd else sine * total
    return 0.5 + inside / 2


def _oriented(first: Rows, second: Rows) -> tuple["Array", "Array", int]:
    """Distinct (first, second) rows, how many documents have each, and the sign of `second - first` in that order.

    The side that sorts first stands first whichever way they were given, so exchanging them only turns the sign.
    """
    import numpy as np

    if len(first) != len(second):
        raise DataError(
            f"{len(first)} documents on one side and {len(second)} on the other", remedy="Compare the same documents"
        )
    one, two = (np.asarray(rows, dtype=np.int64).reshape(-1, 3) for rows in (first, second))
    given, turned = (
        np.unique(np.hstack(pair), axis=0, return_counts=True) for pair in ((one, two), (two, one))
    )  # fmt: skip
    sides = [[kinds.tolist(), sizes.tolist()] for kinds, sizes in (given, turned)]
    return (*given, 1) if sides[0] <= sides[1] else (*turned, -1)


def _f1(counts: "Array") -> Any:
    import numpy as np

    return 2 * counts[..., 0] / np.maximum(counts[..., 1] + counts[..., 2], 1)


def _blocks(rounds: int, width: int, draw: Callable[[int], "Array"]) -> "Array":
    """`rounds` rows of `draw(n)`, each call with no more than BLOCK numbers in memory."""
    import numpy as np

    size = max(1, BLOCK // max(width, 1))
    return np.concatenate([draw(min(size, rounds - done)) for done in range(0, rounds, size)])


def _assignments(change: "Array") -> "Array":
    """Sums of every subset of the rows of `change`."""
    import numpy as np

    sums = np.zeros((1, 3), dtype=np.int64)
    for row in change:
        sums = np.concatenate([sums, sums + row])
    return sums
