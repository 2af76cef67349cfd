"""Rows of InstructIE and of DeepKE-LLM's samples."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.instructie import read
from extune.records import Argument, Entity, Event, Record, Rejected, Relation

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
TYPE = st.none() | WORD


def read_row(folder: Path, row: Any) -> Record | Rejected:
    path = folder / "x.json"
    path.write_text(json.dumps(row) + "\n")
    (result,) = read(path)
    return result


@given(
    entities=st.lists(st.builds(Entity, WORD, WORD)),
    relations=st.lists(st.builds(Relation, WORD, WORD, WORD, TYPE, TYPE)),
    events=st.lists(
        st.builds(Event, WORD, st.text(), st.lists(st.builds(Argument, WORD, st.text()), max_size=3).map(tuple))
    ),
)
def test_items_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory,
    entities: list[Entity],
    relations: list[Relation],
    events: list[Event],
) -> None:
    row = {
        "id": 7,
        "cate": "人物",
        "text": "Ada wrote.",
        "entity": [{"entity": e.text, "entity_type": e.type} for e in entities],
        "relation": [
            {
                "head": r.head,
                "head_type": r.head_type,
                "relation": r.relation,
                "tail": r.tail,
                "tail_type": r.tail_type,
            }
            for r in relations
        ],
        "event": [
            {
                "event_type": e.event_type,
                "event_trigger": e.trigger,
                "arguments": [{"role": a.role, "argument": a.text} for a in e.arguments],
            }
            for e in events
        ],
    }

    expected = Record("7", "Ada wrote.", "en", tuple(entities), tuple(relations), tuple(events))
    assert read_row(tmp_path_factory.getbasetemp(), row) == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "has none of the fields 'entity', 'relation', 'event'"),
        ({"relation": [{"head": "Ada", "relation": "wrote"}]}, "lacks the field 'tail'"),
        ({"entity": [{"entity": ["Ada"], "entity_type": "PER"}]}, "field 'entity' is a list, not a string"),
        (
            {"event": [{"event_type": "x", "event_trigger": "y", "arguments": [1]}]},
            "field 'arguments' holds a number",
        ),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    result = read_row(tmp_path, {"text": "Ada wrote.", **fields})

    assert isinstance(result, Rejected)
    assert reason in result.reason


def test_an_annotated_row_may_hold_nothing(tmp_path: Path) -> None:
    result = read_row(tmp_path, {"text": "Ada wrote.", "event": None})

    assert isinstance(result, Record)
    assert result.events == ()


def test_every_sample_of_the_reference_is_read(real_data: Path) -> None:
    samples = sorted(real_data.glob("*_samples/*_sample.json"))
    assert len(samples) >= 14
    for path in samples:
        results = list(read(path))
        assert not [result for result in results if isinstance(result, Rejected)], path
        assert any(r.entities or r.relations or r.events for r in results if isinstance(r, Record)), path
