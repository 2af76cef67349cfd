"""What went wrong with each item: every wrong one has one kind, and a gold one has at most one partner.

An item that names what the text does not say is invented. Of the others, one that is near a gold item nobody
predicted is a mistake about that item; what is left over is spurious, or missed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..records import Edge, Event, Node, Relation
from ..tasks import Item, Task
from . import views
from .overlap import assigned, candidates
from .rows import Key

KINDS = ("missed", "spurious", "boundary", "type", "direction", "wrong argument", "invented")
WORST = 10
"""Documents kept of each kind."""
SHOWN = 20
"""Mistakes of one kind kept of one document."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake; `gold` and `predicted` are a label with its spans, empty on the side that has nothing."""

    kind: str
    label: str
    gold: Key = ()
    predicted: Key = ()


@dataclass(frozen=True, slots=True)
class Worst:
    """A document with mistakes of one kind: how many, and the first of them."""

    id: str
    number: int
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Mistakes by kind and label, and the documents with most of each kind; those of shards add up."""

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    worst: Mapping[str, tuple[Worst, ...]] = field(default_factory=dict)

    def __add__(self, other: "Mistakes") -> "Mistakes":
        tally = tuple({kind: dict(labels) for kind, labels in side.counts.items()} for side in (self, other))
        for kind, labels in tally[1].items():
            for label, number in labels.items():
                known = tally[0].setdefault(kind, {})
                known[label] = known.get(label, 0) + number
        both = {kind: [*self.worst.get(kind, ()), *other.worst.get(kind, ())] for kind in KINDS}
        return settled(tally[0], both)


def settled(counts: Mapping[str, Mapping[str, int]], worst: Mapping[str, Iterable[Worst]]) -> Mistakes:
    """Mistakes in their one order: kinds as in KINDS, labels by name, the worst documents first."""
    return Mistakes(
        {kind: dict(sorted(counts[kind].items())) for kind in KINDS if counts.get(kind)},
        {kind: ranked for kind in KINDS if (ranked := foremost(worst.get(kind, ())))},
    )


def foremost(documents: Iterable[Worst]) -> tuple[Worst, ...]:
    """The WORST of them: most mistakes first, then by id."""
    return tuple(sorted(documents, key=lambda one: (-one.number, one.id, one.mistakes))[:WORST])


def worst_of(name: str, mistakes: Iterable[Mistake]) -> dict[str, Worst]:
    """One document's mistakes by kind."""
    groups: defaultdict[str, list[Mistake]] = defaultdict(list)
    for mistake in mistakes:
        groups[mistake.kind].append(mistake)
    return {kind: Worst(name, len(group), tuple(group[:SHOWN])) for kind, group in groups.items()}


Side: TypeAlias = Callable[[Any], Key | None]


def _exchanged(of: Callable[[Any], tuple[str, str, str] | None]) -> tuple[Side, Side]:
    """Gold as it is, the predicted one with its ends exchanged."""
    return of, lambda item: parts and (parts[0], parts[2], parts[1]) if (parts := of(item)) else None


def _same(of: Side) -> tuple[Side, Side]:
    return of, of


def _triple(item: Relation) -> tuple[str, str, str]:
    return item.relation, item.head, item.tail


def _ends(item: Relation) -> Key:
    return item.head, item.tail


def _edge(item: Node | Edge) -> tuple[str, str, str] | None:
    return (item.type, item.source, item.target) if isinstance(item, Edge) else None


def _part(item: Node | Edge) -> Key:
    return ("edge", item.source, item.target) if isinstance(item, Edge) else ("node", item.name)


def _anchor(item: Event) -> Key:
    return item.event_type, item.trigger


def _trigger(item: Event) -> Key | None:
    return (item.trigger,) if item.trigger else None


def _fillers(item: Event) -> Key:
    return tuple(sorted({argument.text for argument in item.arguments}))


_RELATION = {"direction": _exchanged(_triple), "type": _same(_ends)}

# Kind -> what a gold item and a predicted one have in common, tried in this order.
NEAR: Mapping[str, Mapping[str, tuple[Side, Side]]] = {
    "NER": {"type": _same(lambda item: (item.text,))},
    "RE": _RELATION,
    "SPO": _RELATION,
    "KG": _RELATION,
    "EE": {"wrong argument": _same(_anchor), "type": _same(_trigger)},
    "EET": {"type": _same(_trigger)},
    "EEA": {"type": _same(_fillers), "wrong argument": _same(_anchor)},
    "QA": {},
    "GRAPH": {"direction": _exchanged(_edge), "type": _same(_part)},
}


def _first(*parts: views.Keys) -> Side:
    """The first key that any of them gives."""
    return lambda item: next((key for keys in parts for key in keys(item)), None)


# The label and the spans whose overlap makes a boundary mistake.
OUTLINES: Mapping[str, Side] = {
    **{name: _first(views.VIEWS[name]["relaxed"].keys) for name in ("NER", "RE", "SPO", "EET", "KG")},
    "EE": _first(views.trigger),
    "EEA": lambda item: None,
    "QA": lambda item: (item.question, item.answer),
    "GRAPH": _first(*(views.VIEWS["GRAPH"][part].keys for part in ("node", "edge"))),
}


def mistakes(
    wanted: Mapping[Key, Item], found: Mapping[Key, Item], text: str, task: Task, absent: Set[str]
) -> list[Mistake]:
    """The mistakes of one document, in order, from its gold and its predicted items by key."""
    missed = {key: item for key, item in wanted.items() if key not in found}
    extra = {key: item for key, item in found.items() if key not in wanted}
    invented = [key for key, item in extra.items() if absent and not absent.isdisjoint(task.spans(item))]
    wrong = [_mistake("invented", None, extra.pop(key), task) for key in invented]
    for kind, sides in NEAR[task.name].items():
        if missed and extra:
            wrong += _taken(kind, _partners(missed, extra, *sides), missed, extra, task)
    if missed and extra:
        wrong += _taken("boundary", _beside(missed, extra, OUTLINES[task.name], text), missed, extra, task)
    wrong += [_mistake("missed", item, None, task) for item in missed.values()]
    wrong += [_mistake("spurious", None, item, task) for item in extra.values()]
    return sorted(wrong)


Pairs: TypeAlias = list[tuple[Key, Key]]


def _partners(missed: Mapping[Key, Item], extra: Mapping[Key, Item], left: Side, right: Side) -> Pairs:
    """Keys of a gold and a predicted item that have the same in common, each once, in the order of the keys."""
    waiting: defaultdict[Key, list[Key]] = defaultdict(list)
    for key in sorted(missed, reverse=True):
        if (common := left(missed[key])) is not None:
            waiting[common].append(key)
    pairs = []
    for key in sorted(extra):
        if (common := right(extra[key])) is not None and waiting.get(common):
            pairs.append((waiting[common].pop(), key))
    return pairs


def _beside(missed: Mapping[Key, Item], extra: Mapping[Key, Item], outline: Side, text: str) -> Pairs:
    left, right = (_outlined(items, outline) for items in (missed, extra))
    return [(left[gold], right[key]) for key, gold in assigned(candidates(left, right, text)).items()]


def _outlined(items: Mapping[Key, Item], outline: Side) -> dict[Key, Key]:
    """Outline -> the key of the first item that has it."""
    found: dict[Key, Key] = {}
    for key in sorted(items):
        if (shape := outline(items[key])) is not None:
            found.setdefault(shape, key)
    return found


def _taken(kind: str, pairs: Pairs, missed: dict[Key, Item], extra: dict[Key, Item], task: Task) -> list[Mistake]:
    """The pairs as mistakes; their items are no longer left over."""
    return [_mistake(kind, missed.pop(gold), extra.pop(key), task) for gold, key in pairs]


def _mistake(kind: str, gold: Item | None, predicted: Item | None, task: Task) -> Mistake:
    sides = [() if item is None else (task.label(item), *task.spans(item)) for item in (gold, predicted)]
    label = task.label(predicted if gold is None else gold)
    return Mistake(kind, label, *sides)
