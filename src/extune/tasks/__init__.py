"""What can be extracted: one file a task, one line in TASKS."""

import copyreg

from ..errors import ConfigError
from .ee import EE
from .eea import EEA
from .eet import EET
from .graph import GRAPH
from .kg import KG
from .ner import NER
from .qa import QA
from .relation import RE
from .spo import SPO
from .task import Item, Task

TASKS: dict[str, Task] = {task.name: task for task in (NER, RE, SPO, EE, EET, EEA, KG, QA, GRAPH)}

__all__ = ["TASKS", "Item", "Task", "task"]


def task(name: str) -> Task:
    """The task of that name. Raises ConfigError, listing the known ones."""
    try:
        return TASKS[name]
    except KeyError:
        raise ConfigError(f"no task {name!r}", remedy=f"Known tasks: {', '.join(TASKS)}") from None


copyreg.pickle(Task, lambda one: (task, (one.name,)))  # its functions cannot travel to a worker process, its name can
