"""Predictions that come as a file, paired with their gold records: by id, else by text, never by order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ..errors import DataError
from ..records import Record
from ..schema import Schema
from ..tasks import TASKS, Task

EXAMPLES = 5
"""Places named of each thing that is counted."""

Document: TypeAlias = tuple[str, str]
"""A text, and the question about it where there is one: what a prediction without an id is found by."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """What could not be paired as it stood; none of it stops a score.

    `by_text`: predictions found by their text. `missing`: gold records without a prediction, scored as one that says
    nothing. `unasked`: predictions without a gold record, left out. `missing_at` and `unasked_at` name the first
    EXAMPLES. `unknown_gold` and `unknown_predicted`: items by label that the schema does not have;
    `unknown_documents`: predictions with such an item.
    """

    by_text: int = 0
    missing: int = 0
    missing_at: tuple[str, ...] = ()
    unasked: int = 0
    unasked_at: tuple[str, ...] = ()
    unknown_gold: Mapping[str, int] = field(default_factory=dict)
    unknown_predicted: Mapping[str, int] = field(default_factory=dict)
    unknown_documents: int = 0


def align(
    gold: Iterable[Record], predicted: Iterable[Record], task: Task, schema: Schema | None = None
) -> tuple[list[tuple[Record, Record]], Alignment]:
    """(gold, predicted) pairs in the order of gold, and what did not fit; labels are held against `schema`, if any.

    Raises DataError, naming the places, where gold is empty, two gold records have one id, two predictions are of
    one record, a prediction has another text than its record, a text without an id stands in several records, no
    prediction has a gold record, or one side has items of another task alone.
    """
    by_id = _by_id(gold)
    found, unasked, by_text = _owned(by_id, predicted)
    _check_task(by_id.values(), task, "gold")
    _check_task(found.values(), task, "predicted")
    pairs = [(record, found.get(name) or _silent(record)) for name, record in by_id.items()]
    missing = [record for name, record in by_id.items() if name not in found]
    return pairs, Alignment(
        by_text,
        len(missing),
        _first(missing),
        len(unasked),
        _first(unasked),
        _unknown(by_id.values(), task, schema),
        _unknown(found.values(), task, schema),
        sum(bool(_unknown((record,), task, schema)) for record in found.values()),
    )


def _owned(by_id: Mapping[str, Record], predicted: Iterable[Record]) -> tuple[dict[str, Record], list[Record], int]:
    """Predictions by the id of their gold record, those that have none, and how many were found by their text."""
    by_document = _by_document(by_id.values())
    found: dict[str, Record] = {}
    unasked: list[Record] = []
    by_text = 0
    for record in predicted:
        owner = by_id.get(record.id) or _same_document(record, by_document)
        if owner is None:
            unasked.append(record)
            continue
        by_text += owner.id != record.id
        found[owner.id] = _paired(owner, record, found)
    if unasked and not found:
        raise DataError(
            f"none of {len(unasked)} predictions belongs to any of {len(by_id)} gold records, by id or by text",
            where=unasked[0].where,
            remedy="Give predictions for this data, with its ids",
        )
    return found, unasked, by_text


def _by_id(gold: Iterable[Record]) -> dict[str, Record]:
    by_id: dict[str, Record] = {}
    for record in gold:
        if record.id in by_id:
            raise DataError(
                f"two gold records have the id {record.id!r}, the first at {_place(by_id[record.id])}",
                where=record.where,
                remedy="Give every record an id of its own",
            )
        by_id[record.id] = record
    if not by_id:
        raise DataError("there are no gold records to score against", remedy="Give the file with the gold annotations")
    return by_id


def _document(record: Record) -> Document:
    return record.text, record.qa.question if record.qa else ""


def _by_document(gold: Iterable[Record]) -> Mapping[Document, Sequence[Record]]:
    found: dict[Document, list[Record]] = {}
    for record in gold:
        found.setdefault(_document(record), []).append(record)
    return found


def _same_document(record: Record, gold: Mapping[Document, Sequence[Record]]) -> Record | None:
    """The gold record with the prediction's text and question."""
    owners = gold.get(_document(record), ())
    if len(owners) > 1:
        raise DataError(
            f"the prediction {record.id!r} has no id of the gold data, and its text stands in {len(owners)} records "
            f"({', '.join(_first(owners))})",
            where=record.where,
            remedy="Give predictions the ids of their gold records",
        )
    return owners[0] if owners else None


def _paired(owner: Record, record: Record, found: Mapping[str, Record]) -> Record:
    """The prediction under the id of its gold record."""
    if owner.id in found:
        raise DataError(
            f"two predictions are of the record {owner.id!r}, the first at {_place(found[owner.id])}",
            where=record.where,
            remedy="Give one prediction a record, with all of its items",
        )
    if record.text and record.text != owner.text:
        raise DataError(
            f"the prediction {record.id!r} has another text than its gold record at {_place(owner)}",
            where=record.where,
            remedy="Score predictions against the version of the data that they were made for",
        )
    return replace(record, id=owner.id, text=owner.text)


def _silent(gold: Record) -> Record:
    return Record(gold.id, gold.text, gold.lang, source=gold.source)


def _check_task(records: Iterable[Record], task: Task, side: str) -> None:
    """Records without any item are fine, those with items of other tasks alone are not."""
    first: dict[str, Record] = {}
    for record in records:
        if task.items(record):
            return
        for name, filled in _sections(record).items():
            if filled:
                first.setdefault(name, record)
    if first:
        name, record = next(iter(first.items()))
        fitting = [other.name for other in TASKS.values() if other.items(record)]
        raise DataError(
            f"no {side} record has items of the task {task.name}, but there are {name}",
            where=record.where,
            remedy=f"Choose the task that they are of: {', '.join(fitting)}",
        )


def _sections(record: Record) -> dict[str, bool]:
    names = ("entities", "relations", "events", "qa", "graph")
    return {name: bool(getattr(record, name)) for name in names}


def _unknown(records: Iterable[Record], task: Task, schema: Schema | None) -> dict[str, int]:
    if schema is None:
        return {}
    labels = Counter(
        task.label(item) for record in records for item in task.items(record) if not task.known(item, schema)
    )
    return dict(sorted(labels.items(), key=lambda pair: (-pair[1], pair[0])))


def _place(record: Record) -> str:
    """`file:line`, or the id where that is not known."""
    return record.where or repr(record.id)


def _first(records: Sequence[Record]) -> tuple[str, ...]:
    return tuple(map(_place, records[:EXAMPLES]))
