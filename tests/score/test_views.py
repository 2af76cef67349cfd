"""The lenient views and the views of parts, by hand."""

from extune.records import Argument, Edge, Entity, Event, Graph, Node, Record, Relation
from extune.score import VIEWS, score
from extune.tasks import TASKS

TEXT = "Ann met Bob Lee in Rome, Italy; Bob Lee met Ann"


def test_every_task_has_its_views():
    assert set(VIEWS) == set(TASKS)


def view_of(task: str, gold: Record, found: Record, name: str) -> tuple[int, int, int]:
    counts = score([(gold, found)], TASKS[task]).groups["view"][name]
    return counts.tp, counts.predicted, counts.gold


def test_the_views_of_a_mention():
    gold = Record("d", TEXT, entities=(Entity("Bob Lee", "A"), Entity("Ann", "A"), Entity("Rome, Italy", "B")))
    found = Record("d", TEXT, entities=(Entity("Bob", "A"), Entity("Ann", "B"), Entity("Italy", "B")))
    assert view_of("NER", gold, found, "boundary") == (1, 3, 3)  # Ann
    assert view_of("NER", gold, found, "type") == (2, 3, 3)  # Bob over Bob Lee, Italy over Rome, Italy
    assert view_of("NER", gold, found, "relaxed") == (0, 3, 3)  # 3 of 7 characters, 5 of 11
    longer = Record("d", TEXT, entities=(Entity("Bob Lee in", "A"),))
    assert view_of("NER", gold, longer, "relaxed") == (1, 1, 3)  # 7 of 10


def test_half_of_the_longer_span_is_enough():
    gold, found = (Record("d", "张三先生", entities=(Entity(name, "A"),)) for name in ("张三先生", "张三"))
    assert view_of("NER", gold, found, "relaxed") == view_of("NER", found, gold, "relaxed") == (1, 1, 1)


def test_one_gold_mention_is_not_found_twice():
    gold = Record("d", "Bob Lee", entities=(Entity("Bob Lee", "A"),))
    found = Record("d", "Bob Lee", entities=(Entity("Bob Le", "A"), Entity("ob Lee", "A")))
    assert view_of("NER", gold, found, "relaxed") == (1, 2, 1)


def test_the_views_of_a_triple():
    gold = Record("d", TEXT, relations=(Relation("Ann", "met", "Bob Lee", "PER", "PER"),))

    def of(task: str, view: str, *triple: str) -> int:
        return view_of(task, gold, Record("d", TEXT, relations=(Relation(*triple),)), view)[0]

    assert of("RE", "undirected", "Bob Lee", "met", "Ann") == 1
    assert of("RE", "boundary", "Bob Lee", "met", "Ann") == 0
    assert of("RE", "boundary", "Ann", "likes", "Bob Lee") == 1
    assert of("RE", "relaxed", "Ann", "met", "Bob") == 0
    assert of("RE", "relaxed", "Ann", "met", "Bob Lee in") == 1
    assert of("RE", "type", "Ann", "met", "Lee") == 1
    assert of("SPO", "untyped", "Ann", "met", "Bob Lee", "PER", "LOC") == 1
    assert of("SPO", "boundary", "Ann", "met", "Bob Lee", "PER", "LOC") == 1
    assert of("SPO", "undirected", "Bob Lee", "met", "Ann", "PER", "PER") == 1
    assert of("SPO", "undirected", "Bob Lee", "met", "Ann", "PER", "LOC") == 0
    assert of("KG", "untyped", "Ann", "met", "Bob Lee", "DOG") == 1
    assert of("KG", "entity", "Ann", "left", "Rome", "PER") == 1


def test_triggers_and_arguments_are_scored_apart_arguments_of_a_type_together():
    gold = Record("d", TEXT, events=(
        Event("Meet", "met", (Argument("who", "Ann"), Argument("whom", "Bob Lee"))),
        Event("Meet", "in", (Argument("who", "Rome"),)),
    ))  # fmt: skip
    found = Record("d", TEXT, events=(
        Event("Meet", "met", (Argument("who", "Rome"), Argument("who", "Bob Lee"))),
        Event("Go", "in", (Argument("who", "Ann"),)),
    ))  # fmt: skip
    strict = score([(gold, found)], TASKS["EE"]).total
    assert (strict.tp, strict.predicted, strict.gold) == (0, 2, 2)
    assert view_of("EE", gold, found, "trigger") == (1, 2, 2)
    assert view_of("EE", gold, found, "trigger_boundary") == (2, 2, 2)
    assert view_of("EE", gold, found, "argument") == (1, 3, 3)  # Rome, of the other event of the type
    assert view_of("EE", gold, found, "argument_boundary") == (2, 3, 3)  # and Bob Lee in another role
    assert view_of("EEA", gold, found, "argument") == (1, 3, 3)
    rows = score([(gold, found)], TASKS["EE"]).views["argument"]
    assert {name: (c.tp, c.predicted, c.gold) for name, c in rows.items()} == {
        "Go/who": (0, 1, 0),
        "Meet/who": (1, 2, 2),
        "Meet/whom": (0, 0, 1),
    }


def test_nodes_and_edges_of_a_graph_are_scored_apart():
    gold = Record("d", TEXT, graph=Graph((Node("Ann", ("A",)), Node("Rome", ("B",))), (Edge("in", "Ann", "Rome"),)))
    found = Record("d", TEXT, graph=Graph((Node("Ann", ("A",)), Node("Rome", ("A",))), (Edge("in", "Rome", "Ann"),)))
    assert view_of("GRAPH", gold, found, "node") == (1, 2, 2)
    assert view_of("GRAPH", gold, found, "node_boundary") == (2, 2, 2)
    assert view_of("GRAPH", gold, found, "edge") == (0, 1, 1)
    assert view_of("GRAPH", gold, found, "edge_undirected") == (1, 1, 1)
