"""A gold record and an extraction as one row of the report, each item marked correct, missed or spurious."""

from collections.abc import Iterable
from typing import Literal

from ..extract import Extraction
from ..ground import Offsets, nearest, occurrences
from ..records import Entity, Record
from ..tasks import Item as TaskItem
from ..tasks import Task
from .shape import Document, Item, Span

Key = tuple[str, ...]


def document_row(gold: Record, extraction: Extraction, task: Task) -> Document:
    """What the page shows of one document."""
    wanted, found = _by_key(gold, task), _by_key(extraction.record, task)
    predicted = [
        _item(group, gold.text, task, "correct" if key in wanted else "spurious") for key, group in found.items()
    ]
    for key, item in zip(found, predicted, strict=True):
        if key in extraction.confidence:
            item["confidence"] = extraction.confidence[key]
    return Document(
        id=gold.id,
        text=gold.text,
        lang=gold.lang,
        gold=[_item(group, gold.text, task, "correct" if key in found else "missed") for key, group in wanted.items()],
        predicted=predicted,
        problems=list(extraction.problems),
        raw=list(extraction.raw) if extraction.problems else [],
    )


def _by_key(record: Record, task: Task) -> dict[Key, list[TaskItem]]:
    groups: dict[Key, list[TaskItem]] = {}
    for item in task.items(record):
        groups.setdefault(task.key(item), []).append(item)
    return groups


def _item(group: list[TaskItem], text: str, task: Task, status: Literal["correct", "missed", "spurious"]) -> Item:
    """Items of one key are shown as one, with every place that any of them names."""
    label, strings = task.label(group[0]), task.spans(group[0])
    places = [_places(item, strings, text) for item in group]
    spans = [_span(string, place) for string, place in zip(strings, places[0], strict=True)]
    marked = {place for row in places for place in row if place}
    return Item(
        label=label,
        text=_spelled(label, strings),
        spans=spans,
        mentions=[list(place) for place in sorted(marked)],
        status=status,
    )


def _span(string: str, place: Offsets | None) -> Span:
    start, end = place or (None, None)
    return Span(text=string, start=start, end=end)


def _places(item: TaskItem, strings: Iterable[str], text: str) -> list[Offsets | None]:
    """Own offsets where they hold; else a pair's ends where nearest, anything else where it is first."""
    strings = list(strings)
    own = (item.start, item.end) if isinstance(item, Entity) else (None, None)
    if own[0] is not None and own[1] is not None and text[own[0] : own[1]] == item.text:
        return [(own[0], own[1])]
    if len(strings) == 2:
        return list(nearest(text, *strings))
    return [next(iter(occurrences(text, string)), None) for string in strings]


def _spelled(label: str, strings: tuple[str, ...]) -> str:
    if len(strings) == 2:
        return f"{strings[0]} — {label} → {strings[1]}"
    return ", ".join(strings)
