"""How sure a score is: intervals over the documents it was taken from."""

from collections.abc import Sequence

from .counts import Counts


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
