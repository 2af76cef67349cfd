"""Solved records to show in every prompt: few, short, and between them as many labels as can be."""

from collections.abc import Iterable
from hashlib import sha256

from .records import Record
from .tasks import Task

LONGEST = 300
"""Characters of a text to show; a longer one costs window in every prompt."""


def choose_shots(records: Iterable[Record], task: Task, number: int, seed: int) -> list[Record]:
    """Up to `number` records, each the one with the most labels not yet shown; ties by a hash, the seed in it."""
    if not number:
        return []
    labels = {r.id: frozenset(map(task.label, task.items(r))) for r in records if len(r.text) <= LONGEST}
    left = sorted((r for r in records if labels.get(r.id)), key=lambda r: sha256(f"{seed}:{r.id}".encode()).digest())
    chosen: list[Record] = []
    shown: frozenset[str] = frozenset()
    while left and len(chosen) < number:
        best = max(left, key=lambda r: len(labels[r.id] - shown))
        chosen.append(best)
        shown |= labels[best.id]
        left.remove(best)
    return chosen
