"""The optimiser steps that a training will make, and the pieces each is cut into, by the code that cuts them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..footprint import Lengths, Work


@dataclass(frozen=True, slots=True)
class Schedule:
    """`rows`: of a step, in all `processes` together. `steps`: of the whole training.

    `sample`: the rows' numbers of each step of the first epoch, fewer where the training ends before.
    """

    rows: int
    steps: int
    sample: tuple[tuple[int, ...], ...]
    processes: int = 1

    def own(self, lengths: Sequence[int]) -> list[Sequence[int]]:
        """Of each step of the sample, the rows of the process that has the most tokens."""
        from ..train.batches import share

        def tokens(rows: Sequence[int]) -> int:
            return sum(lengths[row] for row in rows)

        return [max(share(step, lengths, self.processes), key=tokens) for step in self.sample]


def schedule(lengths: Lengths, sft: Mapping[str, Any], seed: int, processes: int = 1) -> Schedule:
    """Which rows make the steps of the first epoch."""
    from ..train.batches import order

    rows = processes * rows_of(sft)
    grouped = sft.get("train_sampling_strategy") == "group_by_length"
    an_epoch = math.ceil(len(lengths.kept) / rows)
    limit = int(sft.get("max_steps") or -1)
    steps = limit if limit > 0 else math.ceil(float(sft.get("num_train_epochs") or 3) * an_epoch)
    numbers = order(lengths.kept, seed, 0, rows, grouped)
    cut = [tuple(numbers[at : at + rows]) for at in range(0, len(numbers), rows)]
    return Schedule(rows, steps, tuple(cut[:steps]), processes)


def rows_of(sft: Mapping[str, Any]) -> int:
    """Of a step, in one process."""
    return int(sft.get("per_device_train_batch_size") or 8) * int(sft.get("gradient_accumulation_steps") or 1)


def pieces(lengths: Lengths, step: Sequence[int], most: int, packed: bool) -> list[Work]:
    """The work of each piece of a step, padding included where rows are padded."""
    from ..train.batches import bins

    found = []
    for part in bins([lengths.kept[row] for row in step], most, packed):
        kept = [lengths.kept[step[number]] for number in part]
        answers = sum(lengths.answers[step[number]] for number in part)
        laid = kept if packed else [max(kept)] * len(kept)
        found.append(Work(sum(laid), answers, sum(length**2 for length in laid)))
    return found
