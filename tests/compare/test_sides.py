"""Prediction files: what is wrong with one is said with its place, what lacks a partner is counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extune.compare import Side, read
from extune.compare.sides import common
from extune.errors import DataError
from extune.tasks import task

Rows = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]
NER = task("NER")


def side(path: Path) -> Side:
    return read(path, path.name, NER)


def test_predictions_are_read_with_their_places(rows: Rows, write: Write) -> None:
    path = write("a.jsonl", rows(2, bool))
    documents = side(path).documents
    assert list(documents) == ["d0", "d1"]
    assert documents["d1"].gold.where == "a.jsonl:2"
    assert documents["d1"].gold.entities[0].text == "Bo"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "a prediction without an id"),
        ({"id": ""}, "a prediction without an id"),
        ({"id": "d0"}, "id 'd0' stands already at a.jsonl:1"),
        ({"gold": None}, "no gold annotations"),
        ({"predicted": []}, "no predicted annotations"),
        ({"gold": {"entities": [{"text": "Bo"}]}}, "gold lacks 'type'"),
        ({"predicted": {"entities": "Bo"}}, "predicted is not annotations"),
        ({"predicted": {"entities": 3}}, "predicted is not annotations"),
        ({"text": 3}, "gold is not annotations (text is int"),
    ],
)
def test_a_bad_prediction_is_named_by_file_and_line(
    rows: Rows, write: Write, change: dict[str, Any], message: str
) -> None:
    good, bad = rows(2, bool)
    path = write("a.jsonl", [good, bad | change])
    with pytest.raises(DataError) as caught:
        side(path)
    assert str(caught.value).startswith(f"a.jsonl:2: {message}")


@pytest.mark.parametrize("key", ["id", "text", "gold", "predicted"])
def test_a_missing_field_is_named_by_file_and_line(rows: Rows, write: Write, key: str) -> None:
    (row,) = rows(1, bool)
    del row[key]
    path = write("a.jsonl", [row])
    with pytest.raises(DataError) as caught:
        side(path)
    assert caught.value.where == "a.jsonl:1"
    assert key in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [("{oops", ":1: not JSON"), ("[1]", ":1: a prediction without an id"), ("", ": no predictions")],
)
def test_a_line_that_is_no_prediction_is_refused(write: Write, line: str, message: str) -> None:
    path = write("a.jsonl", [line])
    with pytest.raises(DataError) as caught:
        side(path)
    assert str(caught.value).startswith(f"a.jsonl{message}")


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.jsonl: file not found. Name a version, a run or a prediction file"):
        side(tmp_path / "gone.jsonl")


def test_predictions_of_another_task_are_refused(rows: Rows, write: Write) -> None:
    path = write("a.jsonl", rows(3, bool))
    with pytest.raises(DataError, match=r"a.jsonl: no RE items here, but items as of NER, GRAPH. Use --task NER"):
        read(path, "a.jsonl", task("RE"))


def test_a_system_that_found_nothing_is_no_mistake(rows: Rows, write: Write) -> None:
    silent = [row | {"gold": {}, "predicted": {}} for row in rows(3, bool)]
    assert len(side(write("a.jsonl", silent)).documents) == 3


def test_documents_of_one_side_only_are_left_out_and_counted(rows: Rows, write: Write) -> None:
    all_rows = rows(6, bool)
    one, two = side(write("a.jsonl", all_rows[:5])), side(write("b.jsonl", all_rows[:0:-1]))
    ids, notes = common([one, two], NER)
    assert ids == ["d1", "d2", "d3", "d4"]
    assert notes == [
        "1 of 5 documents of a.jsonl are missing elsewhere and were left out",
        "1 of 5 documents of b.jsonl are missing elsewhere and were left out",
    ]


def test_sides_without_a_common_document_are_refused(rows: Rows, write: Write) -> None:
    all_rows = rows(4, bool)
    with pytest.raises(DataError, match=r"a.jsonl and b.jsonl have no document in common"):
        common([side(write("a.jsonl", all_rows[:2])), side(write("b.jsonl", all_rows[2:]))], NER)


@pytest.mark.parametrize("change", [{"text": "other"}, {"gold": {"entities": []}}])
def test_another_text_or_gold_under_the_same_id_is_refused(rows: Rows, write: Write, change: dict[str, Any]) -> None:
    ours, theirs = rows(3, bool), rows(3, bool)
    theirs[2] |= change
    one, two = side(write("a.jsonl", ours)), side(write("b.jsonl", theirs))
    with pytest.raises(DataError) as caught:
        common([one, two], NER)
    assert caught.value.where.endswith("b.jsonl:3")
    assert "a.jsonl:3; so in 1 of 3 documents of b.jsonl" in str(caught.value)


def test_offsets_and_the_order_of_gold_items_do_not_matter(rows: Rows, write: Write) -> None:
    ours, theirs = rows(3, bool), rows(3, bool)
    theirs[1]["gold"]["entities"] = [{"text": "Bo", "type": "PER"}]
    assert common([side(write("a.jsonl", ours)), side(write("b.jsonl", theirs))], NER)[1] == []
