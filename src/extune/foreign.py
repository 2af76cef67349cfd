"""Records annotated for another task than the one to be learned: to that they are texts in which nothing is found."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from .files import HEAD
from .records import Record, Rejected
from .tasks import Task

Sections: TypeAlias = tuple[str, ...]
"""Those that a record has something in."""

RELATIONS = ("RE", "SPO", "KG", "GRAPH")
SERVES = {
    "NER": ("NER", "GRAPH"),
    **dict.fromkeys(("RE", "SPO", "KG"), RELATIONS),
    "EE": ("EE", "EET", "EEA"),
    "EET": ("EET",),
    "EEA": ("EEA",),
}
"""Task that a row names -> the tasks that it can teach."""

OWN = {
    "NER": {"entities"},
    **dict.fromkeys(("RE", "SPO", "KG"), ("relations",)),
    **dict.fromkeys(("EE", "EET", "EEA"), ("events",)),
    "QA": ("qa",),
    "GRAPH": ("graph", "entities", "relations"),
}
"""Task -> where a record has its items."""

TOGETHER = 0.01
"""In data annotated for both, far more than this share of either kind's records has the other kind too."""


def unfit(record: Record, task: Task) -> Record | Rejected:
    """The record; rejected if its source says that it was annotated for other tasks alone."""
    if not record.tasks or any(task.name in SERVES[name] for name in record.tasks):
        return record
    why = f"it is annotated for {' and '.join(record.tasks)}, not for {task.name}"
    return Rejected(record.where or record.id, why, record.text[:HEAD])


def sections(record: Record) -> Sections:
    """What a record is annotated with."""
    held = (
        ("entities", record.entities),
        ("relations", record.relations),
        ("events", record.events),
        ("qa", record.qa),
        ("graph", record.graph),
    )
    return tuple([name for name, value in held if value])


def foreign(found: Mapping[tuple[str, Sections], int], task: Task) -> dict[Sections, str]:
    """The kinds of record that only another task can have made, with the reason; found: (split, kind) -> how many.

    A record with relations and no entity may be one in which there is none. But where records with entities never have
    relations, nor those with relations entities, each was annotated for one of them.
    """
    own = set(OWN[task.name])
    kinds: Counter[Sections] = Counter()
    for (_, kind), count in found.items():
        kinds[kind] += count
    apart = {name for name in set().union(*kinds).difference(own) if _apart(kinds, own, name)}
    why = "it has {} and no {}, and records have either: it is annotated for another task than {}"
    return {
        kind: why.format(" and ".join(kind), " or ".join(sorted(own)), task.name)
        for kind in kinds
        if kind and apart.issuperset(kind)
    }


def _apart(kinds: Mapping[Sections, int], own: set[str], other: str) -> bool:
    ours = sum(count for kind, count in kinds.items() if own.intersection(kind))
    theirs = sum(count for kind, count in kinds.items() if other in kind)
    both = sum(count for kind, count in kinds.items() if other in kind and own.intersection(kind))
    return both < TOGETHER * min(ours, theirs)
