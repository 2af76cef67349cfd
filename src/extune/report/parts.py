"""An item of any task as the page shows it: its form, what joins its strings, and where they stand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..ground import Offsets, nearest, occurrences
from ..records import QA, Edge, Entity, Event, Node, Relation
from ..tasks import Item as TaskItem
from ..tasks import Task
from .shape import Item, Span

Form: TypeAlias = Literal["entity", "relation", "event", "answer", "node", "edge"]


@dataclass(frozen=True)
class _Parts:
    """`strings`: (role, string), in the order they are read."""

    form: Form
    name: str
    strings: tuple[tuple[str, str], ...]
    note: str = ""


def _entity(item: Entity) -> _Parts:
    return _Parts("entity", item.type, (("", item.text),))


def _relation(item: Relation) -> _Parts:
    return _Parts("relation", item.relation, ((item.head_type or "", item.head), (item.tail_type or "", item.tail)))


def _event(item: Event) -> _Parts:
    trigger = (("trigger", item.trigger),) if item.trigger else ()
    return _Parts("event", item.event_type, (*trigger, *((one.role, one.text) for one in item.arguments)))


def _answer(item: QA) -> _Parts:
    others = [answer for answer in item.answers if answer != item.answer]
    note = f"also accepted: {'; '.join(others)}" if others else ""
    return _Parts("answer", item.question, (("", item.answer),) if item.answer else (), note)


def _node(item: Node) -> _Parts:
    return _Parts("node", " / ".join(item.labels), (("", item.name),), item.description)


def _edge(item: Edge) -> _Parts:
    evidence = (("evidence", item.evidence),) if item.evidence else ()
    return _Parts("edge", item.type, (("", item.source), ("", item.target), *evidence))


_PARTS: Mapping[type, Callable[[Any], _Parts]] = {
    Entity: _entity,
    Relation: _relation,
    Event: _event,
    QA: _answer,
    Node: _node,
    Edge: _edge,
}


def shown(group: Sequence[TaskItem], text: str, task: Task) -> Item:
    """Items of one key as one, with every place that any of them names."""
    parts = _PARTS[type(group[0])](group[0])
    strings = [string for _, string in parts.strings]
    places = [_places(item, strings, text) for item in group]
    spans = [_span(*part, place) for part, place in zip(parts.strings, places[0], strict=True)]
    marked = {(*place, number) for row in places for number, place in enumerate(row) if place}
    label = task.label(group[0])
    item = Item(
        form=parts.form,
        label=label,
        name=parts.name,
        text=_spelled(parts),
        spans=spans,
        mentions=[list(place) for place in sorted(marked)],
    )
    return {**item, "note": parts.note} if parts.note else item


def _span(role: str, string: str, place: Offsets | None) -> Span:
    start, end = place or (None, None)
    return Span(role=role, text=string, start=start, end=end)


def _places(item: TaskItem, strings: Sequence[str], text: str) -> list[Offsets | None]:
    """Own offsets where they hold; else two ends where they are nearest, anything else where it is first."""
    own = (item.start, item.end) if isinstance(item, Entity) else (None, None)
    if own[0] is not None and own[1] is not None and text[own[0] : own[1]] == item.text:
        return [(own[0], own[1])]
    ends = list(nearest(text, *strings[:2])) if len(strings) > 1 else []
    return ends + [next(iter(occurrences(text, string)), None) for string in strings[len(ends) :]]


def _spelled(parts: _Parts) -> str:
    strings = [string for _, string in parts.strings]
    if parts.form in ("relation", "edge"):
        return f"{strings[0]} — {parts.name} → {strings[1]}"
    if parts.form == "event":
        return f"{parts.name}: " + ", ".join(f"{role} {string}" for role, string in parts.strings)
    return ", ".join(strings)
