"""doccano's exports in both forms."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.doccano import matches, read
from extune.readers.format import Sample
from extune.records import Entity, Record, Rejected, Relation

TEXT = "爱达 met Bob 😀 in London"
PLAIN = {"id": 1, "text": TEXT, "label": [[0, 2, "PER"], [7, 10, "PER"]]}
LINKED = {
    "id": 1,
    "text": TEXT,
    "entities": [
        {"id": 11, "label": "PER", "start_offset": 0, "end_offset": 2},
        {"id": 12, "label": "PER", "start_offset": 7, "end_offset": 10},
    ],
    "relations": [{"id": 1, "from_id": 12, "to_id": 11, "type": "knows"}],
    "Comments": [],
}
ENTITIES = (Entity("爱达", "PER", 0, 2), Entity("Bob", "PER", 7, 10))


def read_row(path: Path, row: Any) -> Record | Rejected:
    path.write_text(json.dumps(row), encoding="utf-8")
    (result,) = read(path)
    return result


@pytest.mark.parametrize("name", ["label", "labels"])
def test_spans_are_read_whatever_their_field_is_called(tmp_path: Path, name: str) -> None:
    row = {"id": 1, "text": TEXT, name: PLAIN["label"]}

    assert read_row(tmp_path / "x.jsonl", row) == Record("1", TEXT, "zh", ENTITIES)


def test_relations_join_entities_by_their_ids(tmp_path: Path) -> None:
    relation = Relation("Bob", "knows", "爱达", "PER", "PER")

    assert read_row(tmp_path / "x.jsonl", LINKED) == Record("1", TEXT, "zh", ENTITIES, (relation,))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": TEXT}, "lacks the field 'label'"),
        ({"text": TEXT, "label": ["positive"]}, "not [start, end, type]: positive"),
        ({"text": TEXT, "label": [[0, 99, "PER"]]}, "no span 0:99 in a text of 22 characters"),
        ({"text": TEXT, "label": [[2, 2, "PER"]]}, "no span 2:2"),
        ({"text": TEXT, "label": [[-1, 2, "PER"]]}, "no span -1:2"),
        ({"text": TEXT, "label": [[2, 3, "PER"]]}, "field 'text' is empty"),
        ({"text": TEXT, "label": [["0", 2, "PER"]]}, "are not two whole numbers"),
        ({"text": TEXT, "label": [[0, 2, ""]]}, "field 'type' is empty"),
        (LINKED | {"relations": [{"from_id": 12, "to_id": 9, "type": "x"}]}, "names the entity 9"),
        (LINKED | {"relations": [{"from_id": [], "to_id": 9, "type": "x"}]}, "names the entity []"),
        (LINKED | {"relations": [{"from_id": 12, "to_id": 11}]}, "lacks the field 'type'"),
        (LINKED | {"entities": [LINKED["entities"][0]] * 2}, "two entities have the same id"),  # type: ignore[index]
        (LINKED | {"entities": [{"id": [], "label": "x", "start_offset": 0, "end_offset": 2}]}, ""),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, row: Any, reason: str) -> None:
    result = read_row(tmp_path / "x.jsonl", row)

    assert isinstance(result, Rejected)
    assert reason in result.reason


@st.composite
def records(draw: st.DrawFn) -> Record:
    text = draw(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).filter(str.strip)
    )
    places = [(s, e) for e in range(1, len(text) + 1) for s in range(e) if text[s:e].strip()]
    spans = draw(st.lists(st.tuples(st.sampled_from(places), st.sampled_from(["PER", "人名"])), max_size=4))
    entities = tuple(Entity(text[s:e], label, s, e) for (s, e), label in spans)
    ends = st.sampled_from(entities)
    relation = st.builds(lambda h, t: Relation(h.text, "knows", t.text, h.type, t.type), ends, ends)
    return Record("7", text, "en", entities, tuple(draw(st.lists(relation, max_size=3))) if entities else ())


@given(record=records())
def test_what_was_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, record: Record) -> None:
    ids = {(e.text, e.type): n for n, e in enumerate(record.entities)}
    linked = {
        "id": "7",
        "lang": "en",
        "text": record.text,
        "entities": [
            {"id": n, "label": e.type, "start_offset": e.start, "end_offset": e.end}
            for n, e in enumerate(record.entities)
        ],
        "relations": [
            {"from_id": ids[r.head, r.head_type or ""], "to_id": ids[r.tail, r.tail_type or ""], "type": r.relation}
            for r in record.relations
        ],
    }
    plain = {"id": 7, "lang": "en", "text": record.text, "label": [[e.start, e.end, e.type] for e in record.entities]}
    path = tmp_path_factory.getbasetemp() / "doccano.jsonl"

    assert read_row(path, linked) == record
    assert read_row(path, plain) == Record("7", record.text, "en", record.entities)


@pytest.mark.parametrize(
    ("row", "is_it"),
    [
        (PLAIN, True),
        (LINKED, True),
        ({"text": "Ada", "label": ["positive"]}, False),
        ({"text": "Ada", "label": []}, False),
        ({"text": "Ada", "label": 1}, False),
        ({"text": "Ada", "entities": [{"text": "Ada", "type": "PER", "start": 0, "end": 3}]}, False),
        ({"text": "Ada", "entities": [{"start": 0, "end": 3, "label": "PER"}]}, False),
    ],
)
def test_it_is_recognised_by_its_spans(row: Any, is_it: bool) -> None:
    assert matches(Sample(Path("x.jsonl"), "", (row,))) is is_it
