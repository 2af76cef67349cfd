"""Kinds of mistakes by hand, their order, and the worst documents."""

import json

import pytest

from extune.records import QA, Argument, Edge, Entity, Event, Graph, Node, Record, Relation
from extune.score import KINDS, Mistake, Score, score, summary
from extune.score.mistakes import NEAR, OUTLINES, SHOWN, WORST, Mistakes, Worst, settled
from extune.tasks import TASKS

TEXT = "Ann met Bob Lee in Rome"


def made(task: str, gold: list, found: list) -> list[tuple[str, str]]:
    """(kind, label) of what goes wrong."""
    sides = [TASKS[task].with_items(Record("d", TEXT), items) for items in (gold, found)]
    counts = score([tuple(sides)], TASKS[task]).mistakes.counts
    return [(kind, label) for kind, labels in counts.items() for label, number in labels.items() for _ in range(number)]


def test_every_task_says_what_is_near():
    assert set(NEAR) == set(OUTLINES) == set(TASKS)


ANN, LEE = Entity("Ann", "PER"), Entity("Bob Lee", "PER")
MET = Relation("Ann", "met", "Bob Lee")
MEET = Event("Meet", "met", (Argument("who", "Ann"),))


@pytest.mark.parametrize(
    ("task", "gold", "found", "kinds"),
    [
        ("NER", [ANN], [ANN], []),
        ("NER", [ANN], [], [("missed", "PER")]),
        ("NER", [], [ANN], [("spurious", "PER")]),
        ("NER", [ANN], [Entity("Ann", "LOC")], [("type", "PER")]),
        ("NER", [LEE], [Entity("Bob", "PER")], [("boundary", "PER")]),
        ("NER", [LEE], [Entity("Bob", "LOC")], [("missed", "PER"), ("spurious", "LOC")]),
        ("NER", [LEE], [Entity("Bob Lea", "PER")], [("missed", "PER"), ("invented", "PER")]),
        ("NER", [LEE], [Entity("Bob", "PER"), Entity("Lee", "PER")], [("spurious", "PER"), ("boundary", "PER")]),
        ("RE", [MET], [Relation("Bob Lee", "met", "Ann")], [("direction", "met")]),
        ("RE", [MET], [Relation("Ann", "saw", "Bob Lee")], [("type", "met")]),
        ("RE", [MET], [Relation("Ann", "met", "Bob")], [("boundary", "met")]),
        ("RE", [MET], [Relation("Ann", "met", "Rome")], [("missed", "met"), ("spurious", "met")]),
        ("RE", [MET], [Relation("Ann", "met", "Zed")], [("missed", "met"), ("invented", "met")]),
        ("SPO", [Relation("Ann", "in", "Rome", "P", "L")], [Relation("Ann", "in", "Rome", "P", "Q")], [("type", "P_in_L")]),
        ("SPO", [Relation("Ann", "in", "Rome", "P", "L")], [Relation("Rome", "in", "Ann", "L", "P")], [("direction", "P_in_L")]),
        ("KG", [Relation("Ann", "in", "Rome", "P")], [Relation("Ann", "at", "Rome", "P")], [("type", "P")]),
        ("EE", [MEET], [Event("Meet", "met", (Argument("who", "Rome"),))], [("wrong argument", "Meet")]),
        ("EE", [MEET], [Event("See", "met", (Argument("who", "Ann"),))], [("type", "Meet")]),
        ("EE", [MEET], [Event("Meet", "met Bob", (Argument("who", "Ann"),))], [("boundary", "Meet")]),
        ("EE", [MEET], [Event("Meet", "met", (Argument("who", "Zed"),))], [("missed", "Meet"), ("invented", "Meet")]),
        ("EET", [MEET], [Event("See", "met")], [("type", "Meet")]),
        ("EEA", [MEET], [Event("See", "", MEET.arguments)], [("type", "Meet")]),
        ("EEA", [MEET], [Event("Meet", "", (Argument("who", "Rome"),))], [("wrong argument", "Meet")]),
        ("QA", [QA("q", "Bob Lee")], [QA("q", "")], [("missed", "answerable"), ("spurious", "unanswerable")]),
        ("QA", [QA("q", "Bob Lee")], [QA("q", "Bob")], [("boundary", "answerable")]),
        ("GRAPH", [Node("Ann", ("A",))], [Node("Ann", ("B",))], [("type", "A")]),
    ],
)  # fmt: skip
def test_the_kind_of_a_mistake(task, gold, found, kinds):
    assert made(task, gold, found) == kinds


def test_an_edge_the_wrong_way_round():
    nodes = (Node("Ann", ("P",)), Node("Rome", ("L",)))
    gold, found = (
        Record("d", TEXT, graph=Graph(nodes, (Edge("in", *ends),))) for ends in (("Ann", "Rome"), ("Rome", "Ann"))
    )
    assert score([(gold, found)], TASKS["GRAPH"]).mistakes.counts == {"direction": {"in": 1}}


def wrong(id: str, number: int) -> tuple[Record, Record]:
    text = " ".join(f"w{i}" for i in range(number))
    return Record(id, text, entities=tuple(Entity(f"w{i}", "A") for i in range(number))), Record(id, text)


def test_the_worst_documents_come_first_and_then_by_id():
    pairs = [wrong(f"d{i:02}", 1 + (i == 7)) for i in reversed(range(20))]
    (kind,), worst = score(pairs, TASKS["NER"]).mistakes.worst, score(pairs, TASKS["NER"]).mistakes.worst["missed"]
    assert kind == "missed"
    assert [one.id for one in worst] == ["d07", *(f"d{i:02}" for i in range(10) if i != 7)]
    assert len(worst) == WORST
    assert worst[0] == Worst("d07", 2, (Mistake("missed", "A", ("A", "w0")), Mistake("missed", "A", ("A", "w1"))))


def test_of_a_long_document_the_number_is_whole_and_the_list_is_not():
    (one,) = score([wrong("d", 50)], TASKS["NER"]).mistakes.worst["missed"]
    assert (one.number, len(one.mistakes)) == (50, SHOWN)


def test_the_worst_of_many_documents_do_not_depend_on_when_they_came():
    pairs = [wrong(f"d{i}", i % 7) for i in range(1500)]
    whole = score(pairs, TASKS["NER"]).mistakes
    assert whole == score(pairs[::-1], TASKS["NER"]).mistakes
    assert (
        whole == settled({}, {}) + whole == (score(pairs[:99], TASKS["NER"]) + score(pairs[99:], TASKS["NER"])).mistakes
    )


def test_the_summary_has_every_kind_as_a_number_and_the_rest_as_rows():
    gold = Record("d", TEXT, entities=(ANN, LEE))
    found = Record("d", TEXT, entities=(Entity("Ann", "LOC"), Entity("Zed", "PER")))
    row = summary(score([(gold, found)], TASKS["NER"]), {}, 10, 0)
    assert json.loads(json.dumps(row)) == row
    assert {key: row[key] for key in row if key.startswith("mistakes_")} == {
        f"mistakes_{kind.replace(' ', '_')}": int(kind in ("type", "missed", "invented")) for kind in KINDS
    }
    assert row["mistakes"][0] == {"kind": "missed", "label": "PER", "number": 1}
    assert row["worst"][1] == {
        "kind": "type", "id": "d", "number": 1,
        "mistakes": [{"label": "PER", "gold": ["PER", "Ann"], "predicted": ["LOC", "Ann"]}],
    }  # fmt: skip
    assert summary(Score(mistakes=Mistakes()), {}, 10, 0)["mistakes"] == []
