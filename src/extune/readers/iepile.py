"""IEPile rows as DeepKE-LLM's converter writes them: each asks one text about a part of the schema.

Train rows {"task", "source", "instruction", "output"}, test rows {"id", "instruction", "label"}; the last
two hold JSON in a string, and so does the instruction: {"instruction", "schema", "input"}. A schema may be
{label: description} and the instruction may hold `example` (OneKE); neither changes what a row says.
Format: https://huggingface.co/datasets/zjunlp/iepile
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..records import Entity, Event, Record, Rejected, Relation
from .format import Format, Sample
from .iepile_answers import TASKS, Item, told_task
from .instructie import entity, event, relation
from .lines import (
    Row,
    filled,
    identified,
    identifier,
    language,
    objects,
    optional,
    parse_json,
    read_lines,
    string,
)


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a text: consecutive rows that ask about it become one, even with a bad row in between."""
    return identified(merged(read_lines(path, parse)))


def merged(results: Iterable[Record | Rejected]) -> Iterator[Record | Rejected]:
    """Consecutive records of one text as one; they have no id yet, or the same."""
    group: list[Record] = []
    for result in results:
        if isinstance(result, Rejected):
            yield result
            continue
        if group and _identity(group[0]) != _identity(result):
            yield _union(group)
            group = []
        group.append(result)
    if group:
        yield _union(group)


def _identity(record: Record) -> tuple[str, str, str]:
    return record.id, record.source, record.text


def _union(group: list[Record]) -> Record:
    """Each item once: a test row repeats the label of all its fellows."""
    return replace(
        group[0],
        entities=tuple(dict.fromkeys(entity for record in group for entity in record.entities)),
        relations=tuple(dict.fromkeys(relation for record in group for relation in record.relations)),
        events=tuple(dict.fromkeys(event for record in group for event in record.events)),
        tasks=tuple(dict.fromkeys(task for record in group for task in record.tasks)),
    )


def parse(row: Row, where: str) -> Record:
    """A Record with what one row says. Raises KeyError, TypeError, ValueError on another shape or task."""
    task = optional(row, "task")
    if task is not None and task not in TASKS:
        raise ValueError(f"no task {task!r}, only {', '.join(TASKS)}")
    question = _question(string(row, "instruction"))
    text = filled(question, "input")
    items = _label(row) if row.get("label") is not None else _output(row, question, task)
    return Record(
        id=identifier(row),
        text=text,
        lang=language(row, text),
        entities=tuple(item for item in items if isinstance(item, Entity)),
        relations=tuple(item for item in items if isinstance(item, Relation)),
        events=tuple(item for item in items if isinstance(item, Event)),
        source=optional(row, "source") or "",
        where=where,
        tasks=(task,) if task else (),
    )


@lru_cache(maxsize=1)  # the label and the output of one row are read one after the other
def _question(instruction: str) -> Row:
    return _nested({"instruction": instruction}, "instruction")


def _nested(row: Row, name: str) -> Row:
    value = _json_field(row, name)
    if not isinstance(value, dict):
        raise TypeError(f"field {name!r} holds no JSON object")
    return value


def _json_field(row: Row, name: str) -> Any:
    try:
        return parse_json(string(row, name))
    except json.JSONDecodeError as exc:
        raise ValueError(f"field {name!r} is not JSON ({exc.msg} at column {exc.colno})") from None


def _output(row: Row, question: Row, task: str | None) -> list[Item]:
    output = _nested(row, "output")
    return TASKS[task or told_task(output, question)](output, question)


def _label(row: Row) -> list[Item]:
    """Test rows need not name their task: their items show it."""
    return [_labelled(item) for item in objects({"label": _json_field(row, "label")}, "label")]


def _labelled(item: Row) -> Item:
    return event(item) if "event_type" in item else entity(item) if "entity" in item else relation(item)


def matches(sample: Sample) -> bool:
    """Whether the rows look like it."""
    return any(
        isinstance(row.get("instruction"), str) and row["instruction"].lstrip().startswith("{") for row in sample.rows
    )


IEPILE = Format("iepile", read, matches, parse, merged)
