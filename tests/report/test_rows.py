"""Documents of the report: each item beside what was predicted in its place, where it stands in the text."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from extune.extract import Extraction
from extune.records import QA, Argument, Entity, Event, Record, Relation
from extune.report import Document, Report, document_row
from extune.tasks import TASKS

NER, RE, EE = TASKS["NER"], TASKS["RE"], TASKS["EE"]
KINDS = {
    "NER": ["boundary", "correct", "invented", "missed", "type"],
    "RE": ["correct", "direction", "type"],
    "SPO": ["boundary", "type"],
    "EE": ["missed", "spurious", "wrong argument"],
    "EET": ["type"],
    "EEA": ["wrong argument"],
    "KG": ["correct", "type"],
    "QA": ["boundary"],
    "GRAPH": ["correct", "correct", "correct", "direction", "type"],
}


def in_brief(row: Document) -> list[tuple[str, str | None, str | None]]:
    return [
        (pair["kind"], *(side["text"] if side else None for side in (pair["gold"], pair["predicted"])))
        for pair in row["pairs"]
    ]


@pytest.mark.parametrize("name", TASKS)
def test_the_items_of_every_task_are_marked_with_the_kinds_that_the_score_counts(
    name: str, report_of: Callable[..., Report]
):
    split = report_of(name)["splits"][name]
    kinds = Counter(pair["kind"] for pair in split["documents"][0]["pairs"])
    assert sorted(kinds.elements()) == KINDS[name]
    counted = sum((Counter({row["kind"]: row["number"]}) for row in split["metrics"]["mistakes"]), Counter())
    assert kinds - Counter(correct=kinds["correct"]) == counted


def test_a_wrong_item_stands_beside_the_gold_one_it_is_about():
    gold = Record("d", "Ann met Bob Roe.", entities=(Entity("Bob Roe", "PER"), Entity("Ann", "PER")))
    found = replace(gold, entities=(Entity("Bob", "PER"), Entity("Ann", "LOC"), Entity("Zed", "LOC")))
    assert in_brief(document_row(gold, Extraction(found, "NER"), NER)) == [
        ("type", "Ann", "Ann"),
        ("boundary", "Bob Roe", "Bob"),
        ("invented", None, "Zed"),
    ]


def test_items_of_one_label_with_the_same_strings_are_each_shown_once():
    one, other = (Event("Meet", "met", (Argument(role, "Ann"),)) for role in ("who", "whom"))
    gold = Record("d", "Ann met.", events=(one, other))
    found = replace(gold, events=(Event("Meet", "met", (Argument("with", "Ann"),)),))
    row = document_row(gold, Extraction(found, "EE"), EE)
    kinds, wanted, _ = zip(*in_brief(row), strict=True)
    assert kinds == ("missed", "wrong argument")
    assert sorted(wanted) == ["Meet: trigger met, who Ann", "Meet: trigger met, whom Ann"]


def test_a_span_that_the_text_does_not_have_has_no_place():
    gold = Record("d", "Ann met Bob.")
    found = replace(gold, relations=(Relation("Ann", "met", "Zed"),))
    item = document_row(gold, Extraction(found, "RE"), RE)["pairs"][0]["predicted"]
    assert item["spans"] == [
        {"role": "", "text": "Ann", "start": 0, "end": 3},
        {"role": "", "text": "Zed", "start": None, "end": None},
    ]
    assert item["mentions"] == [[0, 3, 0]]


def test_a_correct_item_stands_once_and_carries_its_confidence():
    gold = Record("d", "😀张三毕业于清华大学。", relations=(Relation("张三", "毕业于", "清华大学"),))
    row = document_row(gold, Extraction(gold, "RE", confidence={("张三", "毕业于", "清华大学"): 0.93}), RE)
    pair = row["pairs"][0]
    assert pair["predicted"] is None
    assert pair["gold"]["confidence"] == 0.93
    # code points, also after a character outside the basic plane
    assert pair["gold"]["mentions"] == [[1, 3, 0], [6, 10, 1]]
    assert row["raw"] == []


def test_mentions_of_one_entity_are_one_item_marked_wherever_the_gold_says():
    text = "Rome is old; Rome is large"
    gold = Record("d", text, entities=(Entity("Rome", "LOC", 13, 17), Entity("Rome", "LOC", 0, 4)))
    found = replace(gold, entities=(Entity("Rome", "ORG", 1, 5),))
    pair = document_row(gold, Extraction(found, "NER"), NER)["pairs"][0]
    assert pair["gold"]["mentions"] == [[0, 4, 0], [13, 17, 0]]
    # offsets that do not hold are not believed
    assert pair["predicted"]["mentions"] == [[0, 4, 0]]


def test_a_question_comes_with_its_document_and_the_other_answers():
    gold = Record("d", "Ann met Bob.", qa=QA("Who?", "Ann", "", ("Ann", "Ann and Bob")))
    row = document_row(gold, Extraction(replace(gold, qa=QA("Who?", "")), "QA"), TASKS["QA"])
    assert (row["question"], row["text"]) == ("Who?", "Ann met Bob.")
    assert in_brief(row) == [("missed", "Ann", None), ("spurious", None, "")]
    assert row["pairs"][0]["gold"]["note"] == "also accepted: Ann and Bob"


def test_an_event_has_its_roles_and_a_graph_its_nodes_and_edges(report_of: Callable[..., Report]):
    event = report_of("EE")["splits"]["EE"]["documents"][0]["pairs"][0]["gold"]
    assert event["form"] == "event"
    assert [span["role"] for span in event["spans"]] == ["trigger", "who", "whom"]
    graph = report_of("GRAPH")["splits"]["GRAPH"]["documents"][0]["pairs"]
    forms = Counter((pair["gold"] or pair["predicted"])["form"] for pair in graph)
    assert forms == {"node": 3, "edge": 2}
