"""Knowledge graphs, by hand: ids, ends, what a record without a graph implies."""

import pytest

from extune.records import Edge, Entity, Graph, Node, Record, Relation
from extune.schema import Schema
from extune.tasks import TASKS

GRAPH = TASKS["GRAPH"]
SCHEMA = Schema(entities=("Malware", "Person"), relations=("affects",), descriptions={"Malware": "bad code"})
OPEN = Schema()
RECORD = Record(
    "1",
    "Worm hits macOS, says Ann",
    graph=Graph(
        (Node("Worm", ("Malware",), "e7", "a worm"), Node("macOS", (), "e2"), Node("Ann", ("Person",))),
        (Edge("affects", "e7", "e2", 0.987, "hits"), Edge("names", "Ann", "e7"), Edge("affects", "e7", "nowhere")),
    ),
)
VALUE = {
    "entities": [
        {"labels": ["Malware"], "id": "n1", "name": "Worm", "description": "a worm"},
        {"labels": [], "id": "n2", "name": "macOS"},
        {"labels": ["Person"], "id": "n3", "name": "Ann"},
    ],
    "relationships": [
        {"type": "affects", "source": "n1", "target": "n2", "confidence": 0.99, "evidence": "hits"},
        {"type": "names", "source": "n3", "target": "n1"},
    ],
}


def test_ids_are_numbers_of_the_answer_and_edges_use_them() -> None:
    assert GRAPH.encode(GRAPH.items(RECORD), (), OPEN) == VALUE


def test_an_answer_gives_nodes_and_edges_between_names() -> None:
    assert GRAPH.decode(VALUE, (), OPEN) == (
        Node("Worm", ("Malware",), "", "a worm"),
        Node("macOS"),
        Node("Ann", ("Person",)),
        Edge("affects", "Worm", "macOS", 0.99, "hits"),
        Edge("names", "Ann", "Worm"),
    )


def test_an_edge_without_both_its_nodes_is_dropped_everywhere() -> None:
    parts = GRAPH.items(RECORD)
    dangling = {**VALUE, "entities": VALUE["entities"][1:]}

    assert [part.type for part in parts if isinstance(part, Edge)] == ["affects", "names"]
    assert not any(isinstance(part, Edge) for part in GRAPH.decode(dangling, (), OPEN))
    assert GRAPH.encode(parts[1:], (), OPEN)["relationships"] == []
    assert GRAPH.with_items(RECORD, parts[1:]).graph == Graph(parts[1:3], ())


def test_a_node_given_twice_is_one_and_the_first_of_a_name_is_meant_by_edges() -> None:
    nodes = (Node("a", ("x", "y")), Node("a", ("y", "x")), Node("a", ("z",)), Edge("r", "a", "a"))
    value = GRAPH.encode(nodes, (), OPEN)
    assert [row["id"] for row in value["entities"]] == ["n1", "n2"]
    assert value["relationships"] == [{"type": "r", "source": "n1", "target": "n1"}]


@pytest.mark.parametrize("confidence", [None, 1.5, -0.1, float("nan")])
def test_a_confidence_that_is_none_is_not_spelled(confidence: float | None) -> None:
    (row,) = GRAPH.encode((Node("a"), Edge("r", "a", "a", confidence)), (), OPEN)["relationships"]
    assert "confidence" not in row


def test_what_the_schema_lacks_is_not_answered() -> None:
    value = GRAPH.encode(GRAPH.items(RECORD), (), SCHEMA)
    assert [row["name"] for row in value["entities"]] == ["Worm", "macOS", "Ann"]
    assert [row["type"] for row in value["relationships"]] == ["affects"]
    assert not GRAPH.known(Node("a", ("Malware", "x")), SCHEMA)


def test_entities_and_relations_make_a_graph_where_there_is_none() -> None:
    record = Record(
        "1",
        "x",
        entities=(Entity("a", "T", 0, 1), Entity("a", "T", 5, 6), Entity("a", "U")),
        relations=(Relation("a", "r", "b", "V", "W"), Relation("b", "r", "c")),
    )
    assert GRAPH.items(record) == (
        Node("a", ("T",)),
        Node("a", ("U",)),
        Node("b", ("W",)),
        Node("b"),
        Node("c"),
        Edge("r", "a", "b"),
        Edge("r", "b", "c"),
    )


def test_the_question_lists_the_types_once() -> None:
    assert GRAPH.ask(RECORD, SCHEMA) == ("graph",)
    assert GRAPH.question(("graph",), SCHEMA) == {
        "entities": {"Malware": "bad code", "Person": ""},
        "relationships": ["affects"],
    }
    assert GRAPH.question(("graph",), OPEN) == {"entities": [], "relationships": []}
