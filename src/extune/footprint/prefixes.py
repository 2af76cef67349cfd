"""What rows begin with in common: in a causal model these tokens are the same in all of them, and computed once.

Rows of a training set share their instruction, and often their schema.
"""

import random
from collections.abc import Sequence
from itertools import pairwise

SAMPLE = 64
"""Steps from which the common share is told."""


def shared(rows: Sequence[list[int]]) -> list[tuple[int, int]]:
    """All row numbers, each with how many tokens it begins with as the one before it does.

    They are sorted, so that no earlier row has more in common. A row's last token is always its own.
    """
    numbers = sorted(range(len(rows)), key=rows.__getitem__)
    common = (_common(rows[before], rows[number]) for before, number in pairwise(numbers))
    return list(zip(numbers, [0, *common], strict=True))


def _common(before: list[int], row: list[int]) -> int:
    differ = (n for n, (a, b) in enumerate(zip(before, row, strict=False)) if a != b)
    return min(next(differ, len(before)), len(row) - 1)


def common_among(share: float, step: int, rows: float) -> float:
    """The share common to `rows` of a piece, by that of a step: as if all began alike, once in each."""
    return share * step / (step - 1) * max(rows - 1, 0) / rows if step > 1 and rows else 0.0


def common_share(rows: Sequence[list[int]], step: int) -> float:
    """The share of their tokens that rows have in common with others of a step of so many rows."""
    numbers = random.Random(0).sample(range(len(rows)), min(len(rows), step * SAMPLE))
    steps = [[rows[number] for number in numbers[at : at + step]] for at in range(0, len(numbers), step)]
    saved = sum(common for step_rows in steps for _, common in shared(step_rows))
    return saved / max(1, sum(len(rows[number]) for number in numbers))
