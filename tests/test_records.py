"""Records and their neutral JSON form."""

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.records import (
    QA,
    Argument,
    Entity,
    Event,
    Record,
    Relation,
    detect_language,
    record_from_json,
    record_to_json,
)

WORD = st.text(max_size=5)
MAYBE = st.none() | WORD
RECORDS = st.builds(
    Record,
    id=WORD,
    text=WORD,
    lang=st.sampled_from(["zh", "en"]),
    entities=st.lists(
        st.builds(Entity, WORD, WORD, st.none() | st.integers(), st.none() | st.integers()), max_size=2
    ).map(tuple),
    relations=st.lists(st.builds(Relation, WORD, WORD, WORD, MAYBE, MAYBE), max_size=2).map(tuple),
    events=st.lists(
        st.builds(Event, WORD, WORD, st.lists(st.builds(Argument, WORD, WORD), max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    qa=st.none() | st.builds(QA, WORD, WORD, WORD),
    source=WORD,
)


@given(RECORDS)
def test_the_json_of_a_record_gives_it_back(record: Record) -> None:
    line = json.dumps(record_to_json(record), ensure_ascii=False)
    assert record_from_json(json.loads(line)) == record


def test_what_a_record_does_not_have_is_left_out_of_its_json() -> None:
    assert record_to_json(Record("1", "x", "en")) == {"id": "1", "text": "x", "lang": "en"}


def test_only_id_and_text_are_needed() -> None:
    assert record_from_json({"id": 7, "text": "张三"}, "a.jsonl:3") == Record("7", "张三", "zh")
    assert record_from_json({"id": 7, "text": "张三"}, "a.jsonl:3").where == "a.jsonl:3"


def test_a_question_brings_its_document_as_text() -> None:
    qa = {"question": "Who?", "answer": "Ann", "document": "Ann came."}
    assert record_from_json({"id": "1", "qa": qa}) == Record("1", "Ann came.", "en", qa=QA("Who?", "Ann", "Ann came."))


@pytest.mark.parametrize(
    "row",
    [
        {"text": "x"},
        {"id": "1"},
        {"id": "1", "text": None},
        {"id": "1", "text": ["x"]},
        {"id": "1", "text": "x", "entities": [{"text": "x"}]},
        {"id": "1", "text": "x", "entities": "PER"},
        {"id": "1", "text": "x", "relations": [{"head": "x", "tail": "x"}]},
        {"id": "1", "text": "x", "relations": 3},
        {"id": "1", "text": "x", "events": [{"event_type": "x", "trigger": "x", "arguments": ["x"]}]},
        {"id": "1", "text": "x", "qa": {"question": "x"}},
        {"id": "1", "text": "x", "qa": "x"},
        ["id", "text"],
    ],
)
def test_another_shape_is_a_key_error_or_a_type_error(row: Any) -> None:
    with pytest.raises((KeyError, TypeError)):
        record_from_json(row)


def test_where_a_record_stood_does_not_count_when_two_are_compared() -> None:
    record = Record("1", "x", where="a:1")
    assert record == replace(record, where="b:2")
    assert hash(record) == hash(replace(record, where="b:2"))


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Record("1", "x").text = "y"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "lang"),
    [("张三", "zh"), ("Ann met 张三", "zh"), ("Ann", "en"), ("", "en"), ("Ünï 🏽", "en"), ("ひらがな", "en")],
)
def test_one_ideograph_makes_a_text_chinese(text: str, lang: str) -> None:
    assert detect_language(text) == lang
