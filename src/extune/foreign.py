"""Which task records were annotated for: to another one they are texts in which nothing is found."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeAlias

from .errors import ConfigError, DataError
from .files import HEAD
from .readers.detect import sample
from .readers.hub import is_hub
from .records import Event, Record, Rejected, Relation
from .sections import Data
from .sources import opened, split_files
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


AUTO = "auto"
LOOKED_AT = 1000
"""Records that are read to tell a task."""
ASKED_AT_ONCE = {"NER": 6, "KG": 1, "QA": -1, "GRAPH": -1}
"""Labels of a prompt, by DeepKE-LLM's advice; 4 for the others."""


def told(data: Data, name: str, root: Path) -> tuple[str, int]:
    """The task that a source's rows are for where `name` leaves it to them, and how many labels they ask for at once.

    Raises ConfigError where they are for none or for several.
    """
    name = _told_task(data, root) if name == AUTO else name
    return name, _asked_at_once(_questions(data, root), ASKED_AT_ONCE.get(name, 4))


def _told_task(data: Data, root: Path) -> str:
    remedy = "Set task.name"
    try:
        results = opened(data.source, data.reader, data.columns, root)["train"].results()
        records = [result for result in islice(results, LOOKED_AT) if isinstance(result, Record)]
    except DataError as exc:
        what = f"task.name is left to the rows, and they cannot be read ({exc.what})"
        raise ConfigError(what, where=exc.where, remedy=remedy) from None
    names = list(dict.fromkeys(name for record in records for name in record.tasks or _annotated_for(record)))
    if len(names) != 1:
        remedy = f"{remedy}; data.max_bad=1 then takes its rows and leaves out the others" if names else remedy
        raise ConfigError(
            f"task.name is left to the rows, and they are for {' and '.join(names) or 'no task'}",
            where=data.source,
            remedy=remedy,
        )
    return names[0]


def _annotated_for(record: Record) -> Iterator[str]:
    """The tasks by what a record is annotated with, where it names none."""
    return (ANNOTATED_FOR[name](getattr(record, name)) for name in sections(record))


def _relations_of(found: Sequence[Relation]) -> str:
    if any(one.tail_type for one in found):
        return "SPO"
    return "KG" if any(one.head_type for one in found) else "RE"


def _events_of(found: Sequence[Event]) -> str:
    return "EE" if any(one.arguments for one in found) else "EET"


ANNOTATED_FOR: dict[str, Callable[[Any], str]] = {
    "entities": lambda _: "NER",
    "relations": _relations_of,
    "events": _events_of,
    "qa": lambda _: "QA",
    "graph": lambda _: "GRAPH",
}
"""What a record has -> the task that it teaches."""


def _questions(data: Data, root: Path) -> list[Mapping[str, Any]]:
    """What the first rows of a file ask, where they are DeepKE-LLM's: {"instruction", "schema", "input"}."""
    if is_hub(data.source) or not (root / data.source).exists():
        return []
    rows = sample(split_files(root / data.source)["train"], data.columns).rows
    found = (_question(row.get("instruction")) for row in rows)
    return [question for question in found if question.get("schema")]


def _question(instruction: Any) -> dict[str, Any]:
    try:
        found = json.loads(instruction)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _asked_at_once(questions: Sequence[Mapping[str, Any]], advised: int) -> int:
    """The labels of a text's first question where it has several: the last may hold a rest. One alone holds all."""
    sizes = [[len(one["schema"]) for one in group] for _, group in groupby(questions, lambda one: one.get("input"))]
    several = next((each[0] for each in sizes if len(each) > 1), None)
    return several or max([advised, *(each[0] for each in sizes)] if advised > 0 else [advised])
