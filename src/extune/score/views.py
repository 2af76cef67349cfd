"""What of an item is scored apart: one table of views a task, each a function from an item to its keys.

A key is a label, then the spans that have to be right. Names follow the field: a trigger or argument is right with its
type (ACE's classification), `_boundary` without it (identification); `_type` and `_relaxed` let spans overlap instead
(SemEval-2013 task 9: `type` by any overlap; relaxed by half of the longer span).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..records import Edge, Event, Node, Relation
from ..tasks import Item, Task
from ..tasks.spo import label as joined_types
from .rows import Key

Keys: TypeAlias = Callable[[Any], Iterable[Key]]

HALF, ANY = 0.5, 0.0


@dataclass(frozen=True)
class View:
    """`keys(item)`: what is scored of an item. `overlap`: the least overlap that is enough; None: the same strings."""

    keys: Keys
    overlap: float | None = None


def _modes(name: str, keys: Keys, boundary: Keys | None = None) -> dict[str, View]:
    """The lenient views of one part of an item; the part itself is strict."""
    prefix = f"{name}_" if name else ""
    return {
        **({name: View(keys)} if name else {}),
        f"{prefix}boundary": View(boundary or (lambda item: (("", *key[1:]) for key in keys(item)))),
        f"{prefix}type": View(keys, ANY),
        f"{prefix}relaxed": View(keys, HALF),
    }


def trigger(event: Event) -> Iterable[Key]:
    """The event type and the trigger, where there is one."""
    return ((event.event_type, event.trigger),) if event.trigger else ()


def arguments(event: Event) -> Iterable[Key]:
    """Type and role with the argument, of all events of a type together."""
    return ((f"{event.event_type}/{argument.role}", argument.text) for argument in event.arguments)


def _argument_boundary(event: Event) -> Iterable[Key]:
    """As in ACE, an argument is identified within its event type."""
    return ((event.event_type, argument.text) for argument in event.arguments)


def _triple(relation: Relation) -> Iterable[Key]:
    return ((relation.relation, relation.head, relation.tail),)


def _typed(relation: Relation) -> Iterable[Key]:
    return ((joined_types(relation), relation.head, relation.tail),)


def _attribute(relation: Relation) -> Iterable[Key]:
    return ((f"{relation.head_type}/{relation.relation}", relation.head, relation.tail),)


def _undirected(relation: Relation) -> Iterable[Key]:
    ends = sorted(((relation.head, relation.head_type or ""), (relation.tail, relation.tail_type or "")))
    return (("_".join((ends[0][1], relation.relation, ends[1][1])), ends[0][0], ends[1][0]),)


def _node(part: Node | Edge) -> Iterable[Key]:
    return (("/".join(sorted(set(part.labels))), part.name),) if isinstance(part, Node) else ()


def _edge(part: Node | Edge) -> Iterable[Key]:
    return ((part.type, part.source, part.target),) if isinstance(part, Edge) else ()


def _edge_undirected(part: Node | Edge) -> Iterable[Key]:
    return ((part.type, *sorted((part.source, part.target))),) if isinstance(part, Edge) else ()


_ARGUMENTS = _modes("argument", arguments, _argument_boundary)

VIEWS: Mapping[str, Mapping[str, View]] = {
    "NER": _modes("", lambda entity: ((entity.type, entity.text),)),
    "RE": {
        **_modes("", _triple),
        "undirected": View(lambda r: ((r.relation, *sorted((r.head, r.tail))),)),
    },
    "SPO": {**_modes("", _typed), "untyped": View(_triple), "undirected": View(_undirected)},
    "EE": {**_modes("trigger", trigger), **_ARGUMENTS},
    "EET": _modes("", trigger),
    "EEA": _ARGUMENTS,
    "KG": {
        **_modes("", _attribute),
        "untyped": View(_triple),
        "entity": View(lambda r: ((r.head_type or "", r.head),)),
    },
    "QA": {},
    "GRAPH": {
        **_modes("node", _node),
        **_modes("edge", _edge),
        "edge_undirected": View(_edge_undirected),
    },
}


def mentions(item: Item, task: Task) -> tuple[str, ...]:
    """The strings by which an item was met in training or not: the trigger of an event, else what it names."""
    if isinstance(item, Event) and item.trigger:
        return (item.trigger,)
    return (item.source, item.target) if isinstance(item, Edge) else task.spans(item)
