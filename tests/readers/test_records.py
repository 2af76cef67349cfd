"""The neutral form, and with it every data set kept in it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.records import read
from extune.records import QA, Argument, Entity, Event, Record, Rejected, Relation, record_to_json

TEXT = "Ada Lovelace wrote notes."


def read_row(tmp_path: Path, row: Any) -> Record | Rejected:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row) + "\n")
    (result,) = read(path)
    return result


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)
TYPE = st.none() | WORD


@st.composite
def records(draw: st.DrawFn) -> Record:
    text = draw(WORD)
    cuts = [sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2))) for _ in range(draw(st.integers(0, 3)))]
    spans = [Entity(text[i:j], draw(WORD), i, j) for i, j in cuts if text[i:j].strip()]
    arguments = st.lists(st.builds(Argument, st.text(), st.text()), max_size=2).map(tuple)
    return Record(
        id=draw(WORD),
        text=text,
        lang=draw(WORD),
        entities=(*spans, *draw(st.lists(st.builds(Entity, WORD, WORD), max_size=2))),
        relations=tuple(draw(st.lists(st.builds(Relation, WORD, WORD, WORD, TYPE, TYPE), max_size=2))),
        events=tuple(draw(st.lists(st.builds(Event, WORD, st.text(), arguments), max_size=2))),
        qa=draw(st.none() | st.builds(QA, st.text(), st.text(), st.text())),
        source=draw(st.text()),
    )


@given(record=records())
def test_what_was_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, record: Record) -> None:
    assert read_row(tmp_path_factory.getbasetemp(), record_to_json(record)) == record


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"entities": [{"text": "Ada", "type": "PER", "start": 1, "end": 4}]},
            "span does not match its offsets: 'Ada'",
        ),
        (
            {"entities": [{"text": "Ada", "type": "PER", "start": -25, "end": 3}]},
            "span does not match its offsets",
        ),
        (
            {"entities": [{"text": "Ada", "type": "PER", "start": 0}]},
            "offsets of 'Ada' are not two whole numbers",
        ),
        ({"entities": [{"text": "Ada", "type": "PER", "start": 0.0, "end": 3}]}, "not two whole numbers"),
        ({"entities": [{"text": "Ada"}]}, "lacks the field 'type'"),
        ({"entities": [{"text": "", "type": "PER"}]}, "field 'text' is empty"),
        ({"entities": {"PER": ["Ada"]}}, "field 'entities' is an object, not a list"),
        ({"relations": ["Ada wrote notes"]}, "field 'relations' holds a string where an object is wanted"),
        (
            {"relations": [{"head": "Ada", "relation": "wrote", "tail": None}]},
            "field 'tail' is null, not a string",
        ),
        (
            {"events": [{"event_type": "x", "trigger": "y", "arguments": "z"}]},
            "field 'arguments' is a string, not a list",
        ),
        ({"qa": "who?"}, "field 'qa' holds a string where an object is wanted"),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    result = read_row(tmp_path, {"id": "1", "text": TEXT, **fields})

    assert isinstance(result, Rejected)
    assert reason in result.reason


def test_the_text_of_a_document_question_is_the_document(tmp_path: Path) -> None:
    result = read_row(tmp_path, {"id": "1", "qa": {"question": "who?", "answer": "Ada", "document": TEXT}})

    assert isinstance(result, Record)
    assert result.text == TEXT


def test_every_real_data_set_is_read_without_a_rejected_line(real_data: Path) -> None:
    files = sorted(real_data.glob("*/*.jsonl"))
    assert len(files) >= 30
    for path in files:
        results = list(read(path))
        lines = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())
        assert [result for result in results if isinstance(result, Rejected)] == [], path
        assert len(results) == lines, path
