"""A record becomes queries (what to ask) and examples (queries with their gold answers)."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .errors import AnswerError, ConfigError, DataError
from .notations import Notation
from .records import Example, Query, Record
from .schema import Schema
from .tasks import Task


@dataclass(frozen=True)
class Asking:
    """What training examples ask for.

    `split_num`: labels per prompt, -1: all. `negatives`: the share of the labels a record lacks that is asked too.
    `hard`: the labels easily confused with each; where given, those of the record's own are asked, and up to
    `split_num` others (DeepKE-LLM's hard negatives). `keep_empty`: the share of examples to keep of those whose answer
    holds nothing. `shuffle`: labels in an order of their own for each record, so that order is not learned.
    """

    split_num: int = -1
    negatives: float = 1.0
    seed: int = 42
    keep_empty: float = 1.0
    hard: Mapping[str, tuple[str, ...]] | None = None
    shuffle: bool = False

    @property
    def draws_nothing(self) -> bool:
        """Whether every record is asked about all labels in their order."""
        return self.negatives == 1 and self.hard is None and not self.shuffle


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
    return [Query(record.id, task.name, record.text, group) for group in _groups(task.ask(record, schema), split_num)]


def _groups(labels: Sequence[str], split_num: int) -> list[tuple[str, ...]]:
    """As `chunks`, but no labels are no group: nothing can be asked."""
    return [group for group in chunks(labels, split_num) if group]


def examples(record: Record, task: Task, notation: Notation, schema: Schema, asking: Asking) -> Iterator[Example]:
    """Training examples of a record: its own labels, and some of the labels it lacks.

    Raises DataError, naming the record, for an answer that the notation cannot spell.
    """
    for number, group in enumerate(asked_groups(record, task, schema, asking)):
        query = Query(record.id, task.name, record.text, group)
        if not is_kept(record, number, asking) and _is_empty(record, query, task, schema):
            continue
        try:
            yield Example(query, answer(record, query, task, notation, schema))
        except AnswerError as exc:
            raise DataError(str(exc), where=record.where or record.id) from None


def asked_groups(record: Record, task: Task, schema: Schema, asking: Asking) -> list[tuple[str, ...]]:
    """The groups of labels that a record is asked about in training."""
    return _groups(_asked(record, task, schema, asking), asking.split_num)


def is_kept(record: Record, number: int, asking: Asking) -> bool:
    """Whether the record's example of that number stays if its answer is empty."""
    if asking.keep_empty == 1:
        return True
    return random.Random(f"{asking.seed}:{record.id}:{number}").random() < asking.keep_empty


def _is_empty(record: Record, query: Query, task: Task, schema: Schema) -> bool:
    """Whether the gold answer names nothing of the text; so a question that the document does not answer is empty."""
    value = task.encode(task.items(record), query.labels, schema)
    return not any(task.spans(item) for item in task.decode(value, query.labels, schema))


def answer(record: Record, query: Query, task: Task, notation: Notation, schema: Schema) -> str:
    """The gold answer to a query."""
    value = task.encode(task.items(record), query.labels, schema)
    return notation.spell(value, task.shape(query.labels, schema), query.text)


def _asked(record: Record, task: Task, schema: Schema, asking: Asking) -> Sequence[str]:
    """What to ask about a record in training: in schema order, or shuffled."""
    labels = task.ask(record, schema)
    if task.asked:
        return labels
    if asking.draws_nothing:
        return labels
    rng = random.Random(f"{asking.seed}:{record.id}")
    if asking.hard is not None or asking.negatives < 1:
        present = {task.label(item) for item in task.items(record)}
        labels = (
            _with_hard(labels, present, asking, rng)
            if asking.hard is not None
            else _drawn(labels, present, asking, rng)
        )
    return rng.sample(labels, len(labels)) if asking.shuffle else labels


def _drawn(labels: Sequence[str], present: Collection[str], asking: Asking, rng: random.Random) -> tuple[str, ...]:
    return tuple(label for label in labels if rng.random() < asking.negatives or label in present)


def _with_hard(labels: Sequence[str], present: Collection[str], asking: Asking, rng: random.Random) -> tuple[str, ...]:
    chosen = _confusable(labels, present, asking.hard or {}) if present else set()
    rest = [label for label in labels if label not in chosen]
    if present:
        number = _number_of_others(len(rest), asking.split_num)
    else:
        number = _number_of_lacking(len(rest), asking.negatives, rng)
    chosen.update(rng.sample(rest, number))
    return tuple(label for label in labels if label in chosen)


def _confusable(labels: Sequence[str], present: Collection[str], hard: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The labels present and all that one of them is easily confused with."""
    near = {other for label in labels if label in present for other in hard.get(label, ())}
    return {label for label in labels if label in present or label in near}


def _number_of_others(available: int, split_num: int) -> int:
    """One group more at most; everything where there is but one group."""
    return available if split_num < 0 else min(split_num, available)


def _number_of_lacking(available: int, negatives: float, rng: random.Random) -> int:
    """About half as many as `negatives` would draw, and one at least if there is any."""
    drawn = sum(rng.random() < negatives / 2 for _ in range(available))
    return min(max(drawn, 1), available)
