"""DuEE: events with triggers and arguments."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import AUTO, find_format
from extune.readers.duee import parse, read
from extune.records import Argument, Event, Rejected

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
ARGUMENTS = st.lists(st.builds(Argument, WORD, WORD), max_size=3, unique=True).map(tuple)


@given(st.lists(st.builds(Event, WORD, WORD, ARGUMENTS)))
def test_events_are_read_as_they_were_written(events: list[Event]) -> None:
    rows = [
        {
            "event_type": e.event_type,
            "trigger": e.trigger,
            "trigger_start_index": 0,
            "arguments": [{"role": a.role, "argument": a.text, "alias": []} for a in e.arguments],
        }
        for e in events
    ]
    assert parse({"id": "1", "text": "公司裁员", "event_list": rows}, "").events == tuple(events)


def test_an_event_of_a_whole_document_needs_no_trigger() -> None:
    row = {"text": "公司裁员", "event_list": [{"event_type": "裁员", "arguments": []}]}
    assert parse(row, "").events == (Event("裁员", ""),)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "a"}, "lacks the field 'event_list'"),
        ({"text": "a", "event_list": [{"trigger": "b"}]}, "lacks the field 'event_type'"),
        (
            {"text": "a", "event_list": [{"event_type": "b", "arguments": [{"role": "c"}]}]},
            "lacks the field 'argument'",
        ),
        ({"text": "a", "event_list": {}}, "field 'event_list' is an object"),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, row: Any, reason: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(row))
    (result,) = read(tmp_path / "x.json")

    assert isinstance(result, Rejected)
    assert reason in result.reason


def test_it_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"id": "1", "text": "a", "event_list": []}\n')
    assert find_format(AUTO, tmp_path / "x.json").name == "duee"
