"""How sure a score is: intervals over the documents it was taken from."""

from collections import Counter
from collections.abc import Sequence

from .counts import Counts, repeated


def bootstrap(per_document: Sequence[Counts], resamples: int, seed: int) -> tuple[float, float]:
    """95 % percentile interval of micro F1 over documents drawn with replacement.

    Documents with equal counts are interchangeable, so one multinomial draw over the distinct counts is the
    bootstrap itself: independent of the documents' order, and small for any number of them.
    """
    import numpy as np

    if not per_document:
        return 0.0, 0.0
    rows: Counter[tuple[int, int, int]] = Counter()
    for counts, times in repeated(per_document):
        rows[counts.tp, counts.predicted, counts.gold] += times
    kinds, sizes = (np.array(column) for column in zip(*sorted(rows.items()), strict=True))
    drawn = np.random.default_rng(seed).multinomial(len(per_document), sizes / len(per_document), size=resamples)
    tp, predicted, gold = (drawn @ kinds).T
    low, high = np.percentile(2 * tp / np.maximum(predicted + gold, 1), (2.5, 97.5))
    return float(low), float(high)
