"""IEPile rows as DeepKE-LLM's converter writes them: each asks one text about a part of the schema.

Train rows {"task", "source", "instruction", "output"}, test rows {"id", "instruction", "label"}; the last
two hold JSON in a string, and so does the instruction: {"instruction", "schema", "input"}.
Format: https://huggingface.co/datasets/zjunlp/iepile
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from ..records import Entity, Record, Rejected, Relation
from .format import Format, Sample
from .instructie import entity, relation
from .lines import (
    Row,
    filled,
    identified,
    identifier,
    language,
    listed,
    objects,
    optional,
    parse_json,
    read_lines,
    string,
)

Item: TypeAlias = Entity | Relation
EndTypes: TypeAlias = dict[str, tuple[str | None, str | None]]


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a text: consecutive rows that ask about it become one, even with a bad row in between."""
    return identified(_merged(read_lines(path, parse)))


def _merged(results: Iterable[Record | Rejected]) -> Iterator[Record | Rejected]:
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
    )


def parse(row: Row, where: str) -> Record:
    """A Record with what one row says. Raises KeyError, TypeError, ValueError on another shape or task."""
    task = optional(row, "task")
    if task is not None and task not in TASKS:
        raise _not_read(task)
    question = _nested(row, "instruction")
    text = filled(question, "input")
    items = _label(row, question) if "label" in row else _output(row, question)
    return Record(
        id=identifier(row),
        text=text,
        lang=language(row, text),
        entities=tuple(item for item in items if isinstance(item, Entity)),
        relations=tuple(item for item in items if isinstance(item, Relation)),
        source=optional(row, "source") or "",
        where=where,
    )


def _not_read(task: str) -> ValueError:
    return ValueError(f"task {task} is not read yet, only {', '.join(TASKS)}")


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


def _output(row: Row, question: Row) -> list[Item]:
    return TASKS[string(row, "task")](_nested(row, "output"), question)


def _label(row: Row, question: Row) -> list[Item]:
    """Test rows need not name their task: their items and their schema show it."""
    for asked in question.get("schema") or ():
        if isinstance(asked, dict) and "predicate" not in asked:
            raise _not_read("EE, EEA or KG")
    return [_labelled(item) for item in objects({"label": _json_field(row, "label")}, "label")]


def _labelled(item: Row) -> Item:
    if "event_type" in item:
        raise _not_read("EE, EET or EEA")
    return entity(item) if "entity" in item else relation(item)


def _entities(output: Row, question: Row) -> list[Item]:
    return [Entity(filled({label: text}, label), label) for label in output for text in listed(output, label)]


def _relations(output: Row, question: Row) -> list[Item]:
    types = _end_types(question)
    return [_relation(pair, label, types) for label in output for pair in objects(output, label)]


def _relation(pair: Row, label: str, types: EndTypes) -> Relation:
    """The converter writes head and tail for RE, subject and object for SPO; its documentation, for both."""
    head, tail = ("head", "tail") if "head" in pair else ("subject", "object")
    return Relation(filled(pair, head), label, filled(pair, tail), *types.get(label, (None, None)))


def _end_types(question: Row) -> EndTypes:
    """Types of subject and object by predicate; not of one asked twice, whose answers do not say which."""
    asked = [item for item in question.get("schema") or () if isinstance(item, dict)]
    times = Counter(string(item, "predicate") for item in asked)
    return {
        item["predicate"]: (optional(item, "subject_type"), optional(item, "object_type"))
        for item in asked
        if times[item["predicate"]] == 1
    }


TASKS: dict[str, Callable[[Row, Row], list[Item]]] = {"NER": _entities, "RE": _relations, "SPO": _relations}
"""(output, question) -> items; SPO is read as relations with typed ends."""


def matches(sample: Sample) -> bool:
    """Whether the rows look like it."""
    return any(
        isinstance(row.get("instruction"), str) and row["instruction"].lstrip().startswith("{") for row in sample.rows
    )


IEPILE = Format("iepile", read, matches, parse)
