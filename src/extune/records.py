"""The nouns that travel between stages: one labelled text, what is asked about it, what was found.

All are frozen; offsets are code points into `text`, end exclusive.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entity:
    """A typed mention."""

    text: str
    type: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A triple; the types of its ends are kept where the source states them."""

    head: str
    relation: str
    tail: str
    head_type: str | None = None
    tail_type: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One participant of an event."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """A typed trigger with its arguments."""

    event_type: str
    trigger: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class QA:
    """A question about a document, with its answer; an empty one means that the document does not say.

    `answers`: every accepted answer, where the source lists several.
    """

    question: str
    answer: str
    document: str = ""
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """An entity of a knowledge graph."""

    name: str
    labels: tuple[str, ...] = ()
    id: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A relationship of a knowledge graph; its ends are ids of nodes, or names where nodes have no id."""

    type: str
    source: str
    target: str
    confidence: float | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """A knowledge graph of one text."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One text with its annotations, gold or predicted; `where` is `file:line` of the source.

    `tasks`: those that the source says the text was annotated for; empty where it does not say.
    """

    id: str
    text: str
    lang: str = ""
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    events: tuple[Event, ...] = ()
    qa: QA | None = None
    graph: Graph | None = None
    source: str = ""
    where: str = field(default="", compare=False)
    tasks: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that could not become a Record: it goes to the quarantine file with its reason."""

    where: str
    reason: str
    line: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to the model: extract these labels from this text."""

    id: str
    task: str
    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A query with the answer it should get: what training rows are made of."""

    query: Query
    answer: str


def detect_language(text: str) -> str:
    """`zh` if the text has a CJK ideograph, else `en`; prompts are chosen by it."""
    return "zh" if _CJK.search(text) else "en"


_CJK = re.compile("[\u4e00-\u9fff]")


def record_from_json(row: Mapping[str, Any], where: str = "") -> Record:
    """Build a Record from the project's neutral JSON form. Raises KeyError, TypeError on another shape."""
    text = row["text"] if "text" in row else row["qa"]["document"]
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}, not a string")
    qa = row.get("qa")
    return Record(
        id=str(row["id"]),
        text=text,
        lang=row.get("lang") or detect_language(text),
        entities=tuple(Entity(e["text"], e["type"], e.get("start"), e.get("end")) for e in row.get("entities") or ()),
        relations=tuple(
            Relation(r["head"], r["relation"], r["tail"], r.get("head_type"), r.get("tail_type"))
            for r in row.get("relations") or ()
        ),
        events=tuple(
            Event(
                e["event_type"],
                e["trigger"],
                tuple(Argument(a["role"], a["text"]) for a in e.get("arguments") or ()),
            )
            for e in row.get("events") or ()
        ),
        qa=QA(qa["question"], qa["answer"], qa.get("document", ""), tuple(qa.get("answers") or ())) if qa else None,
        graph=graph_from_json(row["graph"]) if row.get("graph") else None,
        source=row.get("source", ""),
        where=where,
    )


def record_to_json(record: Record) -> dict[str, Any]:
    """The neutral JSON form of a record, the inverse of `record_from_json`; empty fields are left out."""
    row: dict[str, Any] = {"id": record.id, "text": record.text, "lang": record.lang}
    if record.entities:
        row["entities"] = [{"text": e.text, "type": e.type, "start": e.start, "end": e.end} for e in record.entities]
    if record.relations:
        row["relations"] = [
            {
                "head": r.head,
                "head_type": r.head_type,
                "relation": r.relation,
                "tail": r.tail,
                "tail_type": r.tail_type,
            }
            for r in record.relations
        ]
    if record.events:
        row["events"] = [
            {
                "event_type": e.event_type,
                "trigger": e.trigger,
                "arguments": [{"role": a.role, "text": a.text} for a in e.arguments],
            }
            for e in record.events
        ]
    if record.qa:
        row["qa"] = {
            "question": record.qa.question,
            "answer": record.qa.answer,
            "document": record.qa.document,
            "answers": list(record.qa.answers),
        }
    if record.graph:
        row["graph"] = graph_to_json(record.graph)
    if record.source:
        row["source"] = record.source
    return row


def graph_from_json(row: Mapping[str, Any]) -> Graph:
    """A Graph from {"entities", "relationships"}; labels may be one string. Raises KeyError, TypeError."""
    nodes = (
        Node(
            n["name"],
            _strings(n.get("labels")),
            "" if n.get("id") is None else str(n["id"]),
            n.get("description") or "",
        )
        for n in row.get("entities") or ()
    )
    edges = (
        Edge(e["type"], str(e["source"]), str(e["target"]), e.get("confidence"), e.get("evidence") or "")
        for e in row.get("relationships") or ()
    )
    return Graph(tuple(nodes), tuple(edges))


def _name(value: Any) -> str:
    return "" if value is None else str(value)


def _strings(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def graph_to_json(graph: Graph) -> dict[str, Any]:
    """The inverse of `graph_from_json`; what a node or an edge lacks is left out."""
    return {
        "entities": [
            _filled({"labels": list(n.labels), "id": n.id, "name": n.name, "description": n.description})
            for n in graph.nodes
        ],
        "relationships": [
            _filled({"type": e.type, "source": e.source, "target": e.target, "confidence": e.confidence,
                     "evidence": e.evidence})
            for e in graph.edges
        ],
    }  # fmt: skip


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value not in ("", None, [])}
