"""GRAPH: the knowledge graph of a text. The answer is {entities: [...], relationships: [...]}.

Items are nodes, and edges whose ends are names of nodes; ids belong to the answer alone, where edges use them.
A record without a graph has the one that its entities and relations make.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from ..records import Edge, Graph, Node, Record
from ..schema import Schema
from ..shapes import Choice, Fields, Id, Many, Number, Span, Value
from .task import Locate, Question, Task, described, unique

Part: TypeAlias = Node | Edge


def key(part: Part) -> tuple[str, ...]:
    """A node's name and labels; an edge's ends and type."""
    if isinstance(part, Node):
        return ("node", part.name, *sorted(set(part.labels)))
    return ("edge", part.source, part.type, part.target)


def label(part: Part) -> str:
    """A node's first label, an edge's type."""
    return part.type if isinstance(part, Edge) else next(iter(part.labels), "")


def spans(part: Part) -> tuple[str, ...]:
    """A node's name; an edge's ends and evidence. A description is in the writer's own words."""
    if isinstance(part, Node):
        return (part.name,)
    return (part.source, part.target, *filter(None, (part.evidence,)))


def known(part: Part, schema: Schema) -> bool:
    """Whether the schema has the labels or the type, or leaves them open."""
    if isinstance(part, Node):
        return not schema.entities or set(part.labels) <= set(schema.entities)
    return not schema.relations or part.type in schema.relations


def items(record: Record) -> tuple[Part, ...]:
    """Nodes, then the edges between them, ends by name; an edge without both its nodes is no part of the graph."""
    graph = record.graph or _implied(record)
    names = {node.name: node.name for node in graph.nodes} | {node.id: node.name for node in graph.nodes if node.id}
    nodes = (replace(node, id="") for node in graph.nodes)
    edges = (
        replace(edge, source=names[edge.source], target=names[edge.target])
        for edge in graph.edges
        if edge.source in names and edge.target in names
    )
    return tuple(unique((*nodes, *edges), key))


def _implied(record: Record) -> Graph:
    """A node for each distinct mention and each other end of a relation, an edge for each relation."""
    mentions: dict[tuple[str, tuple[str, ...]], None] = {(e.text, (e.type,)): None for e in record.entities}
    named = {name for name, _ in mentions}
    for relation in record.relations:
        for name, kind in ((relation.head, relation.head_type), (relation.tail, relation.tail_type)):
            if name not in named:
                mentions[name, (kind,) if kind else ()] = None
    edges = (Edge(relation.relation, relation.head, relation.tail) for relation in record.relations)
    return Graph(tuple(Node(name, labels) for name, labels in mentions), tuple(edges))


def with_items(record: Record, parts: Iterable[Part]) -> Record:
    """The record with the graph of these parts; an edge goes when one of its nodes has gone."""
    parts = tuple(parts)
    names = {part.name for part in parts if isinstance(part, Node)}
    edges = (part for part in parts if isinstance(part, Edge) and {part.source, part.target} <= names)
    return replace(record, graph=Graph(tuple(part for part in parts if isinstance(part, Node)), tuple(edges)))


def question(labels: Sequence[str], schema: Schema) -> Question:
    """{entities: types, relationships: types}; an empty list leaves them open."""
    return {"entities": described(schema.entities, schema), "relationships": described(schema.relations, schema)}


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{entities: [{labels, id, name, description}], relationships: [{type, source, target, confidence, evidence}]}"""
    span = Span(schema.grounded)
    node = Fields(
        {"labels": Many(Choice(schema.entities)), "id": Id(), "name": span, "description": Span(grounded=False)},
        optional=("description",),
    )
    edge = Fields(
        {"type": Choice(schema.relations), "source": Id(), "target": Id(), "confidence": Number(), "evidence": span},
        optional=("confidence", "evidence"),
    )
    return Fields({"entities": Many(node), "relationships": Many(edge)})


def encode(parts: Iterable[Part], labels: Sequence[str], schema: Schema) -> Value:
    """Nodes numbered in the given order, and the edges between them; what the schema lacks is left out."""
    parts = [part for part in unique(parts, key) if known(part, schema)]
    nodes = [part for part in parts if isinstance(part, Node)]
    ids: dict[str, str] = {}
    for number, node in enumerate(nodes, 1):
        ids.setdefault(node.name, f"n{number}")
    edges = [part for part in parts if isinstance(part, Edge) and part.source in ids and part.target in ids]
    return {
        "entities": [_node(node, f"n{number}") for number, node in enumerate(nodes, 1)],
        "relationships": [_edge(edge, ids) for edge in edges],
    }


def _node(node: Node, name: str) -> Value:
    described = {"description": node.description} if node.description else {}
    return {"labels": list(dict.fromkeys(node.labels)), "id": name, "name": node.name, **described}


def _edge(edge: Edge, ids: Mapping[str, str]) -> Value:
    """A confidence that is no number from 0 to 1 cannot be answered with."""
    row: Value = {"type": edge.type, "source": ids[edge.source], "target": ids[edge.target]}
    if edge.confidence is not None and 0 <= edge.confidence <= 1:
        row["confidence"] = round(edge.confidence, 2)
    return row | ({"evidence": edge.evidence} if edge.evidence else {})


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Part, ...]:
    """The parts of an answer; an edge whose ends are no nodes of it is left out."""
    rows = [row for row in value.get("entities", ()) if "name" in row]
    nodes = (
        Node(row["name"], tuple(dict.fromkeys(row.get("labels", ()))), "", row.get("description", "")) for row in rows
    )
    names = {row["id"]: row["name"] for row in reversed(rows) if "id" in row}
    edges = (
        Edge(row["type"], names[row["source"]], names[row["target"]], row.get("confidence"), row.get("evidence", ""))
        for row in value.get("relationships", ())
        if "type" in row and row.get("source") in names and row.get("target") in names
    )
    return tuple(unique((*nodes, *edges), key))


def to_json(part: Part, locate: Locate) -> dict[str, Any]:
    """A node or an edge, told apart by `kind`; `stated` is the confidence that the answer itself names."""
    if isinstance(part, Node):
        return {"kind": "node", "labels": list(part.labels), **locate(part.name), "description": part.description}
    return {
        "kind": "edge",
        "type": part.type,
        "source": locate(part.source),
        "target": locate(part.target),
        "stated": part.confidence,
        "evidence": locate(part.evidence) if part.evidence else None,
    }


def from_json(row: Mapping[str, Any]) -> Part:
    """The inverse of `to_json`."""
    if row["kind"] == "node":
        return Node(row["text"], tuple(row["labels"]), "", row["description"])
    evidence = row["evidence"]["text"] if row["evidence"] else ""
    return Edge(row["type"], row["source"]["text"], row["target"]["text"], row["stated"], evidence)


WORDING = {
    "zh": "请从文本中抽取知识图谱：entities列出实体（labels为类型，id为编号，name为原文中的名称，description可选），"
    "relationships列出关系（type为类型，source和target为实体编号，confidence和evidence可选）。请用JSON回答。",
    "en": "Extract the knowledge graph of the text: under entities each entity with its labels, id, name as written "
    "and, if useful, a description; under relationships each relationship with its type, the ids of its source and "
    "target and, if useful, confidence and evidence. Answer in JSON.",
}

GRAPH = Task(
    name="GRAPH",
    labels=lambda schema: (),
    asked=lambda record, schema: ("graph",),
    items=items,
    with_items=with_items,
    label=label,
    key=key,
    spans=spans,
    known=known,
    question=question,
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=to_json,
    from_json=from_json,
    section="graph",
    instructions={"iepile_json": WORDING, "graph_json": WORDING},
)
