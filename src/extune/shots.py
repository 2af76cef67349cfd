"""Solved records to show in every prompt: few, short, and between them as many labels as can be."""

from collections.abc import Iterable
from hashlib import sha256

from .records import Record
from .tasks import Task

LONGEST = 300
"""Characters of a text to show; a longer one costs window in every prompt."""


def choose_shots(records: Iterable[Record], task: Task, number: int, seed: int) -> list[Record]:
    """Up to `number` records, each the one with the most labels not yet shown; ties by a hash, the seed in it.

    `records` are iterated over once for each, from their beginning, so that none but the best needs to be held.
    """
    chosen: list[Record] = []
    shown: set[str] = set()
    while len(chosen) < number:
        taken = {record.id for record in chosen}
        best = min(
            (
                record
                for record in records
                if record.id not in taken and len(record.text) <= LONGEST and task.items(record)
            ),
            key=lambda record: (-len(_labels(record, task) - shown), sha256(f"{seed}:{record.id}".encode()).digest()),
            default=None,
        )
        if best is None:
            break
        chosen.append(best)
        shown |= _labels(best, task)
    return chosen


def _labels(record: Record, task: Task) -> frozenset[str]:
    return frozenset(map(task.label, task.items(record)))
