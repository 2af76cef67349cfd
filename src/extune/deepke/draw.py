"""Which labels a training row is asked about: its own, and negatives."""

from collections.abc import Collection, Mapping, Sequence
from random import Random

from .options import Options


def asked(labels: Collection[str] | None, found: Collection[str], options: Options, rng: Random) -> list[str]:
    """Labels of the row, in the schema or not, and negatives from `labels` if given; sorted, or shuffled."""
    if labels is None:
        chosen = list(found)
    elif options.hard_negatives is None:
        chosen = [*found, *negatives(labels, found, options.negatives, rng)]
    else:
        chosen = _clustered(labels, found, options.hard_negatives, options, rng)
    chosen.sort()
    if options.random_sort:
        rng.shuffle(chosen)
    return chosen


def negatives(labels: Collection[str], found: Collection[str], share: float, rng: Random) -> list[str]:
    """A share of `labels` that are not found. Their number is drawn over all labels, as the reference does it."""
    others = [label for label in labels if label not in found]
    if not 0 <= share < 1:
        return others
    if share == 0:
        return []
    return rng.sample(others, min(len(others), drawn(len(labels), share, rng, least=0 if found else 1)))


def drawn(total: int, share: float, rng: Random, least: int) -> int:
    """How many of `total`: a binomial draw, but at least `least`."""
    return max(least, sum(rng.random() < share for _ in range(total)))


def _clustered(
    labels: Collection[str],
    found: Collection[str],
    confusable: Mapping[str, Sequence[str]],
    options: Options,
    rng: Random,
) -> list[str]:
    """The row's labels, those confusable with them, and up to `split_num` others; a few at random for a row of none."""
    if not found:
        share = (options.negatives if options.negatives >= 0 else 1.0) / 2
        return rng.sample(list(labels), min(len(labels), drawn(len(labels), share, rng, least=1)))
    close = (other for label in found for other in confusable.get(label, ()))
    chosen = list(dict.fromkeys([*found, *close]))
    others = [label for label in labels if label not in chosen]
    return chosen + rng.sample(others, max(0, min(len(others), options.split_num)))
