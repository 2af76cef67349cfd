"""Lines go to one or many processes in batches and come back in order, a bounded number of them at a time."""

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .batches import Batch
from .many import written_by_many
from .partial import Partial
from .parts import Make, written


@dataclass(frozen=True, slots=True)
class Converted:
    """How much was read, written and refused; `first` is the first refusal, `resumed` the lines not read again."""

    lines: int
    rows: int
    rejected: int
    first: str = ""


def convert_lines(
    batches: Iterable[Batch],
    target: Path,
    make: Make,
    *,
    key: str,
    workers: int = 1,
    progress: Callable[[int], None] = lambda lines: None,
    max_bad: float = 1.0,
) -> Converted:
    """Convert every line into `target`, whole or not at all; refused lines go to `target.rejected.jsonl`.

    The bytes do not depend on `workers`. A conversion that was killed goes on where it stopped if `key` is the same.
    `progress` is told how many lines are done. Raises DataError if there is no line, or if a share of more than
    `max_bad` is refused: the quarantine is then written, the target not.
    """
    with Partial(target, key) as partial:
        progress(partial.counts["lines"])
        rest = itertools.islice(batches, partial.parts, None)
        place = partial.rows, partial.size
        for part in written(rest, make, *place) if workers == 1 else written_by_many(rest, make, *place, workers):
            partial.end_part(part)
            progress(part.counts["lines"])
        done = Converted(partial.counts["lines"], partial.counts["rows"], partial.counts["rejected"])
        if not done.lines:
            raise DataError("there is nothing to convert", where=str(target), remedy="The input has no record")
        if done.rejected > max_bad * done.lines:
            partial.keep_rejected()
            raise DataError(
                f"{done.rejected} of {done.lines} records are bad, limit {100 * max_bad:.3g} %", where=str(target),
                remedy=f"{partial.quarantine.name} says what is wrong with each; mend them, or raise the limit",
            )  # fmt: skip
        partial.finish()
    return done


SMALL = 2**20
"""Bytes below which a second process costs more than it brings."""


def workers_for(path: Path, most: int = 8) -> int:
    """How many processes a file is worth on the cores that we may use; the output does not depend on it."""
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    return 1 if path.stat().st_size < SMALL else min(most, cores)
