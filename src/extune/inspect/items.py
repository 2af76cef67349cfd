"""Everything a record is labelled with, whatever its task: one plain item for each, by section."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from ..records import Event, Graph, Record
from ..schema import Schema

SECTIONS = ("entities", "relations", "events", "arguments", "answers", "nodes", "edges")
UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Item:
    """`key`: strict identity. `spans`: what should stand in the text. `subject`: what bears one label, if anything."""

    section: str
    label: str
    key: tuple[str, ...]
    spans: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()


def items(record: Record) -> Iterator[Item]:
    """The items of every section; a node with several labels is one item a label, an argument is of its event type."""
    for entity in record.entities:
        yield Item("entities", entity.type, (entity.text, entity.type), (entity.text,), (entity.text,))
    for triple in record.relations:
        ends = (triple.head, triple.tail)
        yield Item("relations", triple.relation, (triple.head, triple.relation, triple.tail), ends, ends)
    yield from chain.from_iterable(map(_of_event, record.events))
    if record.qa:
        answer = record.qa.answer
        key = (record.qa.question, answer)
        yield Item("answers", "answered" if answer else UNANSWERED, key, (answer,) if answer else ())
    yield from _of_graph(record.graph) if record.graph else ()


def _of_event(event: Event) -> Iterator[Item]:
    trigger = (event.trigger,) if event.trigger else ()
    yield Item("events", event.event_type, (event.event_type, event.trigger), trigger, trigger)
    for argument in event.arguments:
        key = (event.event_type, argument.role, argument.text)
        yield Item("arguments", role_name(event.event_type, argument.role), key, (argument.text,))


def _of_graph(graph: Graph) -> Iterator[Item]:
    for node in graph.nodes:
        for label in node.labels or ("",):
            yield Item("nodes", label, (node.name, label), (node.name,), (node.name,))
    names = {node.id: node.name for node in graph.nodes if node.id}
    for edge in graph.edges:
        ends = (names.get(edge.source, edge.source), names.get(edge.target, edge.target))
        yield Item("edges", edge.type, (ends[0], edge.type, ends[1]), ends, ends)


def role_name(event_type: str, role: str) -> str:
    """How the role of an event type is called in every figure."""
    return f"{event_type}: {role}"


def known_labels(schema: Schema | None) -> dict[str, frozenset[str]]:
    """The labels that the schema has, by section; a section of which it names none is open, and left out."""
    if schema is None:
        return {}
    roles = (role_name(name, role) for name, roles in schema.events.items() for role in roles)
    named = {
        "entities": schema.entities,
        "relations": schema.relations,
        "events": schema.events,
        "arguments": roles,
        "nodes": schema.entities,
        "edges": schema.relations,
    }
    sets = {section: frozenset(labels) for section, labels in named.items()}
    return {section: labels for section, labels in sets.items() if labels}
