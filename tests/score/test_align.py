"""Prediction files as they come: paired by id or text, what does not fit counted, what cannot be scored named."""

import pytest

from extune.errors import DataError
from extune.records import QA, Entity, Event, Record, Relation
from extune.schema import Schema
from extune.score import Alignment, align, score
from extune.tasks import TASKS

NER = TASKS["NER"]


def record(
    number: int, *entities: tuple[str, str], id: str | None = None, file: str = "gold.jsonl", text: str = ""
) -> Record:
    name = f"d{number}" if id is None else id
    return Record(
        name, text or f"Ann met Bob {number}", entities=tuple(Entity(*e) for e in entities), where=f"{file}:{number}"
    )


GOLD = [record(1, ("Ann", "PER")), record(2, ("Bob", "PER")), record(3)]


def found(number: int, *entities: tuple[str, str], **more: str) -> Record:
    return record(number, *entities, file="found.jsonl", **more)


def test_predictions_in_another_order_are_paired_by_id_in_the_order_of_gold():
    predictions = [found(3), found(1, ("Ann", "PER")), found(2)]
    pairs, noted = align(GOLD, predictions, NER)
    assert [(gold.id, predicted.where) for gold, predicted in pairs] == [
        ("d1", "found.jsonl:1"), ("d2", "found.jsonl:2"), ("d3", "found.jsonl:3"),
    ]  # fmt: skip
    assert noted == Alignment()
    assert score(pairs, NER).total.tp == 1


def test_predictions_without_ids_are_found_by_their_text():
    pairs, noted = align(GOLD, [found(2, ("Bob", "PER"), id=""), found(1, id="0f3a"), found(3)], NER)
    assert [predicted.id for _, predicted in pairs] == ["d1", "d2", "d3"]
    assert noted.by_text == 2
    assert score(pairs, NER).total.tp == 1


def test_questions_about_one_text_are_told_apart():
    gold = [Record(name, "text", qa=QA(name, "text")) for name in ("who", "when")]
    predictions = [Record("", "text", qa=QA("when", "text")), Record("", "text", qa=QA("who", ""))]
    pairs, _ = align(gold, predictions, TASKS["QA"])
    assert [(g.qa.question, p.qa.answer) for g, p in pairs] == [("who", ""), ("when", "text")]


def test_a_record_without_a_prediction_is_scored_as_if_nothing_was_found():
    pairs, noted = align(GOLD, [found(1, ("Ann", "PER"))], NER)
    assert (noted.missing, noted.missing_at) == (2, ("gold.jsonl:2", "gold.jsonl:3"))
    total = score(pairs, NER).total
    assert (total.tp, total.gold, total.documents) == (1, 2, 3)


def test_a_prediction_without_a_gold_record_is_left_out_and_counted():
    pairs, noted = align(GOLD, [found(1), *(found(n, ("x", "PER")) for n in range(10, 20))], NER)
    assert (noted.unasked, noted.unasked_at) == (10, tuple(f"found.jsonl:{n}" for n in range(10, 15)))
    assert score(pairs, NER).total.predicted == 0


def test_labels_that_the_schema_does_not_have_are_counted_on_each_side():
    schema = Schema(entities=("PER",))
    predictions = [found(1, ("Ann", "GPE"), ("Bob", "GPE")), found(2, ("Bob", "DOG"), ("Ann", "PER"))]
    pairs, noted = align([*GOLD, record(4, ("Ann", "OLD"))], predictions, NER, schema)
    assert (noted.unknown_predicted, noted.unknown_gold) == ({"GPE": 2, "DOG": 1}, {"OLD": 1})
    assert noted.unknown_documents == 2
    assert score(pairs, NER).total.predicted == 4


@pytest.mark.parametrize(
    ("gold", "predictions", "message"),
    [
        ([], [found(1)], "there are no gold records to score against"),
        ([*GOLD, record(9, id="d1")], [], "gold.jsonl:9: two gold records have the id 'd1', the first at gold.jsonl:1"),
        (GOLD, [found(1), found(8, id="d1", text="Ann met Bob 1")], "found.jsonl:8: two predictions are of the record 'd1', the first at found.jsonl:1"),
        (GOLD, [found(1), found(8, id="d1-8", text="Ann met Bob 1")], "found.jsonl:8: two predictions are of the record 'd1'"),
        (GOLD, [found(7, id="d1")], "found.jsonl:7: the prediction 'd1' has another text than its gold record at gold.jsonl:1"),
        (GOLD, [found(7), found(8)], "found.jsonl:7: none of 2 predictions belongs to any of 3 gold records"),
        ([record(1, text="same"), record(2, text="same")], [found(5, id="", text="same")], "found.jsonl:5: the prediction '' has no id of the gold data, and its text stands in 2 records (gold.jsonl:1, gold.jsonl:2)"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_an_error_that_says_where(gold, predictions, message):
    with pytest.raises(DataError) as caught:
        align(gold, predictions, NER)
    assert str(caught.value).startswith(message)
    assert caught.value.remedy


def test_the_wrong_task_is_named_with_the_ones_that_fit():
    relations = [Record("d1", "Ann met Bob 1", relations=(Relation("Ann", "met", "Bob"),), where="found.jsonl:1")]
    with pytest.raises(
        DataError,
        match=r"^found.jsonl:1: no predicted record has items of the task NER, but there are relations. .*: RE, SPO, GRAPH$",
    ):
        align(GOLD, relations, NER)
    events = [Record("d1", "Ann met Bob 1", events=(Event("Meet", "met"),), where="gold.jsonl:1")]
    with pytest.raises(
        DataError, match=r"^gold.jsonl:1: no gold record has items of the task EEA, but there are events. .*: EE, EET$"
    ):
        align(events, events, TASKS["EEA"])


def test_predictions_that_found_nothing_at_all_are_scored():
    pairs, noted = align(GOLD, [found(n) for n in (1, 2, 3)], NER)
    assert (score(pairs, NER).total.empty, noted) == (2, Alignment())


def test_a_prediction_may_leave_its_text_out():
    pairs, _ = align(GOLD, [Record("d1", "", entities=(Entity("Ann", "PER"),))], NER)
    total = score(pairs, NER).total
    assert (total.tp, total.invented) == (1, 0)
