"""One system's predictions, read from the file that `evaluate` writes, and brought together with another's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..files import numbered_lines
from ..records import Record, record_from_json
from ..tasks import TASKS, Task


@dataclass(frozen=True, slots=True)
class Document:
    """What one system said about one text; both records are of the same text and know their `file:line`."""

    gold: Record
    predicted: Record
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """A system by the name it was given, and its documents by id."""

    name: str
    documents: Mapping[str, Document]


def read(path: Path, name: str, task: Task) -> Side:
    """Predictions of a file of {id, text, gold, predicted}; `name` is the address it was found by.

    Raises DataError with `name:line` at the first bad line, and for a file that holds another task's items only.
    """
    documents: dict[str, Document] = {}
    for number, line in numbered_lines(path, "Name a version, a run or a prediction file such as reports/test.jsonl"):
        document = _document(line, f"{name}:{number}")
        known = documents.setdefault(document.gold.id, document)
        if known is not document:
            raise DataError(
                f"id {document.gold.id!r} stands already at {known.gold.where}",
                where=document.gold.where,
                remedy="Each document may be predicted once",
            )
    if not documents:
        raise DataError("no predictions", where=name)
    _right_task(documents, name, task)
    return Side(name, documents)


def _document(line: str, where: str) -> Document:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise DataError(f"not JSON ({getattr(exc, 'msg', 'nested too deep')})", where=where) from None
    if not isinstance(row, dict) or row.get("id") in (None, ""):
        raise DataError("a prediction without an id", where=where, remedy="Ids say which predictions belong together")
    gold, predicted = (_record(row, part, where) for part in ("gold", "predicted"))
    return Document(gold, predicted, tuple(map(str, row.get("problems") or ())))


def _record(row: Mapping[str, Any], part: str, where: str) -> Record:
    if not isinstance(row.get(part), dict):
        raise DataError(f"no {part} annotations", where=where, remedy='A line is {"id", "text", "gold", "predicted"}')
    try:
        return record_from_json({**row[part], "id": row["id"], "text": row["text"]}, where)
    except KeyError as exc:
        raise DataError(f"{part} lacks {exc}", where=where) from None
    except (TypeError, AttributeError, ValueError) as exc:
        raise DataError(f"{part} is not annotations ({exc})", where=where) from None


def _right_task(documents: Mapping[str, Document], name: str, task: Task) -> None:
    """A file without one item of the task may be of a silent system; one that has another's items is a mix-up."""
    records = [record for document in documents.values() for record in (document.gold, document.predicted)]
    if any(task.items(record) for record in records):
        return
    others = [other.name for other in TASKS.values() if any(other.items(record) for record in records)]
    if others:
        raise DataError(
            f"no {task.name} items here, but items as of {', '.join(others)}", where=name,
            remedy=f"Use --task {others[0]}, or other predictions",
        )  # fmt: skip


def common(sides: Sequence[Side], task: Task) -> tuple[list[str], list[str]]:
    """Ids that every side has, in the first one's order, and notes on what was left out.

    Raises DataError where none is common, or where two sides hold different texts or gold for one id.
    """
    first = sides[0]
    ids = [key for key in first.documents if all(key in side.documents for side in sides)]
    notes = [
        f"{len(side.documents) - len(ids)} of {len(side.documents)} documents of {side.name} are missing elsewhere "
        "and were left out"
        for side in sides
        if len(side.documents) > len(ids)
    ]
    if not ids:
        raise DataError(
            f"{' and '.join(side.name for side in sides)} have no document in common",
            remedy="Compare predictions of the same split of the same data",
        )
    for side in sides[1:]:
        _same_gold(first, side, ids, task)
    return ids, notes


def _same_gold(first: Side, other: Side, ids: Sequence[str], task: Task) -> None:
    differing = [key for key in ids if _asked(first, key, task) != _asked(other, key, task)]
    if differing:
        place, there = (side.documents[differing[0]].gold.where for side in (first, other))
        raise DataError(
            f"text or gold is not that of {place}; so in {len(differing)} of {len(ids)} documents of {other.name}",
            where=there,
            remedy="Compare predictions on the same version of the data",
        )


def _asked(side: Side, key: str, task: Task) -> tuple[str, frozenset[tuple[str, ...]]]:
    gold = side.documents[key].gold
    return gold.text, frozenset(map(task.key, task.items(gold)))
