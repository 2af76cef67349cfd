"""What can be extracted: one file a task, one line in TASKS."""

from ..errors import ConfigError
from .ner import NER
from .relation import RE
from .task import Item, Task

TASKS: dict[str, Task] = {task.name: task for task in (NER, RE)}

__all__ = ["TASKS", "Item", "Task", "task"]


def task(name: str) -> Task:
    """The task of that name. Raises ConfigError, listing the known ones."""
    try:
        return TASKS[name]
    except KeyError:
        raise ConfigError(f"no task {name!r}", remedy=f"Known tasks: {', '.join(TASKS)}") from None
