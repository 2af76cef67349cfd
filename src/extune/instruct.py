"""A record becomes queries (what to ask) and examples (queries with their gold answers)."""

import random
from collections.abc import Iterator, Sequence

from .errors import AnswerError, ConfigError, DataError
from .notations import Notation
from .records import Example, Query, Record
from .schema import Schema
from .tasks import Task


def chunks(labels: Sequence[str], split_num: int) -> list[tuple[str, ...]]:
    """Labels in groups of `split_num` (-1: one group); a rest below half a group joins the last one.

    The rule of DeepKE-LLM's converter, so its users find the same groups.
    """
    if split_num < 0 or len(labels) <= split_num:
        return [tuple(labels)]
    if split_num == 0:
        raise ConfigError("task.split_num is 0", remedy="Use -1 for one group, or a positive number")
    full = max(len(labels) // split_num, 1) * split_num
    groups = [tuple(labels[i : i + split_num]) for i in range(0, full, split_num)]
    rest = tuple(labels[full:])
    if len(rest) >= max(1, split_num // 2):
        groups.append(rest)
    elif rest:
        groups[-1] += rest
    return groups


def queries(record: Record, task: Task, schema: Schema, split_num: int) -> list[Query]:
    """What to ask about a record when it is served."""
    return [Query(record.id, task.name, record.text, group) for group in chunks(task.ask(record, schema), split_num)]


def examples(
    record: Record, task: Task, notation: Notation, schema: Schema, *, split_num: int, negatives: float, seed: int
) -> Iterator[Example]:
    """Training examples of a record: its own labels, and a share of the labels it lacks.

    Raises DataError, naming the record, for an answer that the notation cannot spell.
    """
    for group in chunks(_asked(record, task, schema, negatives, seed), split_num):
        query = Query(record.id, task.name, record.text, group)
        try:
            yield Example(query, answer(record, query, task, notation, schema))
        except AnswerError as exc:
            raise DataError(str(exc), where=record.where or record.id) from None


def answer(record: Record, query: Query, task: Task, notation: Notation, schema: Schema) -> str:
    """The gold answer to a query."""
    value = task.encode(task.items(record), query.labels, schema)
    return notation.spell(value, task.shape(query.labels, schema), query.text)


def _asked(record: Record, task: Task, schema: Schema, negatives: float, seed: int) -> list[str]:
    """The labels that occur in the record, each other one with probability `negatives`; in schema order."""
    present = {task.label(item) for item in task.items(record)}
    rng = random.Random(f"{seed}:{record.id}")
    return [label for label in task.ask(record, schema) if rng.random() < negatives or label in present]
