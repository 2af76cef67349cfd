"""A record's annotations carried to a changed text, or not at all.

They are true there if each of their strings stands in the new text as often as in the old one, the same new string
for every mention, and offsets point at it. A string that was not in the text stays as it is.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from .ground import Offsets, occurrences
from .records import QA, Argument, Edge, Entity, Event, Graph, Record

Place: TypeAlias = Callable[[int, int], Offsets]
"""Where an old stretch of text stands in the new one."""
Rename: TypeAlias = Callable[[str], str]


def annotated(record: Record) -> tuple[str, ...]:
    """Every string the annotations name, each once: mentions, triggers, answers, names, descriptions, evidence."""
    qa, graph = record.qa, record.graph or Graph()
    ids = {node.id for node in graph.nodes}
    strings = (
        *(e.text for e in record.entities),
        *(end for r in record.relations for end in (r.head, r.tail)),
        *(s for e in record.events for s in (e.trigger, *(a.text for a in e.arguments))),
        *((qa.answer, *qa.answers) if qa else ()),
        *(s for node in graph.nodes for s in (node.name, node.description)),
        *(edge.evidence for edge in graph.edges),
        *(end for edge in graph.edges for end in (edge.source, edge.target) if end not in ids),
    )
    return tuple(string for string in dict.fromkeys(strings) if string)


def spans(record: Record) -> list[Offsets]:
    """The stretches of text that an annotated string stands on, in order; those that touch are one."""
    found = sorted(span for string in annotated(record) for span in occurrences(record.text, string))
    merged: list[Offsets] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def carried(record: Record, text: str, place: Place) -> Record | None:
    """The record with `text` for its own; None where an annotation would not be true of it."""
    names = _names(record, text, place)
    if names is None or not own_document(record):
        return None
    entities = tuple(_moved(entity, names, place) for entity in record.entities)
    if any(e.start is not None and text[e.start : e.end] != e.text for e in entities):
        return None
    return replace(_renamed(record, lambda string: names.get(string, string), text), text=text, entities=entities)


def own_document(record: Record) -> bool:
    """Whether a question is about the record's text, and not about another one that would stay behind."""
    return record.qa is None or record.qa.document in ("", record.text)


def _names(record: Record, text: str, place: Place) -> dict[str, str] | None:
    """What each annotated string is called in the new text; None if that is not one thing, or two share a name."""
    names: dict[str, str] = {}
    for string in annotated(record):
        old = occurrences(record.text, string)
        found = {text[slice(*place(*span))] for span in old} or {string}
        names[string] = min(found)
        if len(found) > 1 or not names[string] or len(occurrences(text, names[string])) != len(old):
            return None
    return names if len(set(names.values())) == len(names) else None


def _moved(entity: Entity, names: dict[str, str], place: Place) -> Entity:
    text = names.get(entity.text, entity.text)
    if entity.start is None or entity.end is None:
        return replace(entity, text=text)
    return Entity(text, entity.type, *place(entity.start, entity.end))


def _renamed(record: Record, name: Rename, text: str) -> Record:
    """All annotations but the entities under their new names."""
    return replace(
        record,
        relations=tuple(replace(r, head=name(r.head), tail=name(r.tail)) for r in record.relations),
        events=tuple(
            Event(e.event_type, name(e.trigger), tuple(Argument(a.role, name(a.text)) for a in e.arguments))
            for e in record.events
        ),
        qa=record.qa and _qa(record.qa, name, text),
        graph=record.graph and _graph(record.graph, name),
    )


def _qa(qa: QA, name: Rename, text: str) -> QA:
    return QA(qa.question, name(qa.answer), qa.document and text, tuple(map(name, qa.answers)))


def _graph(graph: Graph, name: Rename) -> Graph:
    ids = {node.id for node in graph.nodes}

    def end(reference: str) -> str:
        return reference if reference in ids else name(reference)

    nodes = (replace(node, name=name(node.name), description=name(node.description)) for node in graph.nodes)
    edges = (
        Edge(e.type, end(e.source), end(e.target), e.confidence, name(e.evidence)) for e in graph.edges
    )  # fmt: skip
    return Graph(tuple(nodes), tuple(edges))


def emptied(record: Record, text: str) -> Record:
    """The record on a text that says nothing of what was annotated: its questions stay, without answers."""
    qa: Any = record.qa and QA(record.qa.question, "", record.qa.document and text)
    graph = None if record.graph is None else Graph()
    return replace(record, text=text, entities=(), relations=(), events=(), qa=qa, graph=graph)


def free(parts: Iterable[Offsets], taken: Iterable[Offsets]) -> list[Offsets]:
    """The parts that no taken stretch touches."""
    taken = tuple(taken)
    return [part for part in parts if not any(start < part[1] and part[0] < end for start, end in taken)]
