"""The figures by name: which there are, and that they are flat numbers or rows of plain JSON."""

import json

import pytest

from extune.errors import AnswerError
from extune.notations import NOTATIONS
from extune.records import Argument, Entity, Event, Record, Relation
from extune.schema import Schema
from extune.score import count_invalid, count_problems, score, summary
from extune.tasks import TASKS

TEXT = "Ann met Bob in Rome"


def test_the_summary_is_plain_json_with_labels_by_frequency():
    gold = Record("d", TEXT, entities=(Entity("Ann", "PER"), Entity("Bob", "PER"), Entity("Rome", "LOC")))
    pairs = [(gold, Record("d", TEXT, entities=(Entity("Ann", "PER"), Entity("Oslo", "LOC"))))]
    row = summary(score(pairs * 4, TASKS["NER"]), count_problems([["unread: x"], [], [], []]), 100, 7)
    assert json.loads(json.dumps(row)) == row
    assert row["f1"] == row["f1_low"] == row["f1_high"] == 2 * 4 / (8 + 12)
    assert row["parse_rate"] == 3 / 4
    assert row["unread_rate"] == 1 / 4
    assert (row["invented_spans"], row["invented_rate"]) == (4, 4 / 8)
    assert [label["label"] for label in row["per_label"]] == ["PER", "LOC"]
    assert row["per_label"][0] == {
        "label": "PER", "precision": 1.0, "recall": 1 / 2, "f1": 2 / 3, "gold": 8, "predicted": 4,
    }  # fmt: skip


def test_views_macro_and_seen_figures_stand_beside_the_micro_ones():
    gold = Record("d", TEXT, relations=(Relation("Ann", "met", "Bob"), Relation("Ann", "in", "Rome")))
    found = Record("d", TEXT, relations=(Relation("Bob", "met", "Ann"), Relation("Ann", "in", "Rome")))
    row = summary(score([(gold, found)], TASKS["RE"], {"Ann", "Rome"}), {}, 10, 0)
    assert json.loads(json.dumps(row)) == row
    assert (row["f1"], row["undirected_f1"], row["boundary_f1"]) == (1 / 2, 1, 1 / 2)
    assert (row["macro_f1"], row["undirected_macro_f1"]) == (1 / 2, 1)
    assert (row["seen_f1"], row["partly_f1"], row["seen_recall"]) == (1, 0, 1)
    assert "boundary_macro_f1" not in row
    assert [r["name"] for r in row["per_seen"]] == ["partly", "seen"]


def test_argument_rows_are_by_type_and_role():
    gold = Record("d", TEXT, events=(Event("Meet", "met", (Argument("who", "Ann"),)),))
    row = summary(score([(gold, gold)], TASKS["EE"]), {}, 10, 0)
    assert (row["trigger_f1"], row["argument_f1"]) == (1, 1)
    assert [r["label"] for r in row["per_view_label"]["argument"]] == ["Meet/who"]
    assert row["per_view_label"]["trigger"] == [
        {"label": "Meet", "precision": 1, "recall": 1, "f1": 1, "gold": 1, "predicted": 1}
    ]
    assert "trigger_boundary" not in row["per_view_label"]


def test_groups_with_several_names_have_a_number_each_if_a_tracker_takes_the_name():
    records = [
        Record(str(n), TEXT, "en", (Entity("Ann", "A"),), source=name)
        for n, name in enumerate(("wiki", "a (b)", "新闻"))
    ]
    found = [Record(r.id, TEXT, "en", r.entities if r.source == "wiki" else ()) for r in records]
    row = summary(score(zip(records, found, strict=True), TASKS["NER"]), {}, 10, 0)
    assert {key: value for key, value in row.items() if key.startswith(("source_", "language_", "length_"))} == {
        "source_wiki_f1": 1,
        "source_新闻_f1": 0,
    }
    assert [r["name"] for r in row["per_source"]] == ["a (b)", "wiki", "新闻"]
    many = [Record(str(n), TEXT, source=f"s{n}") for n in range(21)]
    assert "source_s1_f1" not in summary(score([(r, r) for r in many], TASKS["NER"]), {}, 10, 0)


def test_lengths_are_in_the_order_of_their_size():
    records = [Record(str(n), "x" * n, "en", (Entity("x", "A"),)) for n in (10, 60, 120, 1500)]
    rows = summary(score([(r, r) for r in records], TASKS["NER"]), {}, 10, 0)["per_length"]
    assert [row["name"] for row in rows] == ["0-49", "50-99", "100-199", "1000-1999"]


def test_answers_that_parse_are_told_from_those_that_do_not():
    notes = [
        ["unread: Expecting value: line 1 column 1 (char 0)"],
        ["unread: answer.PER is a str, not a list", "truncated: x"],
        ["unread: a key of answer.PER is an empty string, not a string"],
        ["repetition: x"],
        ["odd"],
        [],
    ]
    assert count_invalid(notes) == {"unparsed": 1, "invalid": 4}
    gold = [Record(str(n), TEXT, entities=(Entity("Ann", "A"),)) for n in range(6)]
    found = [Record(r.id, TEXT, entities=r.entities if r.id in "05" else ()) for r in gold]
    whole = score(zip(gold, found, strict=True), TASKS["NER"])
    row = summary(whole, count_problems(notes) | count_invalid(notes), 10, 0)
    assert (row["parse_rate"], row["unparsed_rate"], row["schema_valid_rate"]) == (3 / 6, 1 / 6, 2 / 6)
    assert (row["repetition_rate"], row["truncated_rate"]) == (1 / 6, 1 / 6)
    assert row["empty_on_nonempty_rate"] == 4 / 6


def test_the_notes_of_a_real_reading_are_told_apart():
    shape = TASKS["NER"].shape(("A",), Schema(entities=("A",)))
    for answer, unparsed in (("{", 1), ('{"A": "x"}', 0), ('{"B": []}', 0), ("[]", 0), ('{"A": [""]}', 0)):
        with pytest.raises(AnswerError) as caught:
            NOTATIONS["iepile_json"].read(answer, shape)
        assert count_invalid([[str(caught.value)]]) == {"unparsed": unparsed, "invalid": 1}, answer
