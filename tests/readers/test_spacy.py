"""spaCy's training rows and Prodigy's."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import detect
from extune.readers.format import Sample
from extune.readers.spacy import SPACY, matches, read
from extune.records import Entity, Record, Rejected

ADA = ["Ada wrote", {"entities": [[0, 3, "PER"]]}]
BOB = {"id": "b", "text": "Bob slept", "spans": [{"start": 0, "end": 3, "label": "PER", "token_start": 0}]}


def results(path: Path, content: str) -> list[Record | Rejected]:
    path.write_text(content, encoding="utf-8")
    return list(read(path))


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ADA) + "\n" + json.dumps(ADA),
        json.dumps([ADA, ADA]),
        "\ufeff" + json.dumps([ADA, ADA], indent=2),
    ],
)
def test_pairs_are_read_from_lines_and_from_an_array(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    first, second = results(path, content)

    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.text, first.entities) == ("Ada wrote", (Entity("Ada", "PER", 0, 3),))
    assert first.id != second.id
    assert detect.recognise(detect.sample(path), {"spacy": SPACY}) == SPACY


@pytest.mark.parametrize("name", ["spans", "entities"])
@pytest.mark.parametrize("fields", [{}, {"answer": "accept"}])
def test_rows_that_are_objects_are_read(tmp_path: Path, name: str, fields: dict[str, str]) -> None:
    row = {"id": "b", "text": "Bob slept", name: BOB["spans"], **fields}

    assert results(tmp_path / "x", json.dumps([row])) == [Record("b", "Bob slept", "en", (Entity("Bob", "PER", 0, 3),))]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (BOB | {"answer": "reject"}, "its annotator answered 'reject'"),
        ({"text": "Bob"}, "lacks the field 'spans'"),
        ({"text": "Bob", "spans": [{"start": 0, "label": "PER"}]}, "not [start, end, type]"),
        ({"text": "Bob", "spans": [{"start": 0, "end": 9, "label": "PER"}]}, "no span 0:9"),
        (["Bob", {"entities": [[0, 9, "PER"]]}], "no span 0:9"),
        (["Bob", {"cats": {}}], 'neither [text, {"entities": [...]}] nor an object'),
        (["Bob"], "neither"),
        ("Bob", "neither"),
        (None, "neither"),
    ],
)
def test_a_row_of_another_shape_is_rejected_and_the_next_one_is_read(tmp_path: Path, row: Any, reason: str) -> None:
    bad, good = results(tmp_path / "x", json.dumps(row) + "\n" + json.dumps(ADA))

    assert isinstance(bad, Rejected)
    assert bad.where == f"{tmp_path / 'x'}:1"
    assert reason in bad.reason
    assert isinstance(good, Record)


def test_a_line_that_is_not_json_is_rejected(tmp_path: Path) -> None:
    good, bad = results(tmp_path / "x", json.dumps(ADA) + '\n["Ada", {"enti')

    assert isinstance(good, Record)
    assert isinstance(bad, Rejected)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, list[tuple[int, int, str]]]:
    text = draw(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).filter(str.strip)
    )
    places = [(s, e) for e in range(1, len(text) + 1) for s in range(e) if text[s:e].strip()]
    spans = st.tuples(st.sampled_from(places), st.sampled_from(["PER", "人名"]))
    return text, [(s, e, label) for (s, e), label in draw(st.lists(spans, max_size=4))]


@given(rows=st.lists(pairs(), min_size=1, max_size=3), indent=st.sampled_from([None, 2]))
def test_what_was_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[tuple[int, int, str]]]], indent: int | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "spacy.json"
    lists = [[text, {"entities": spans}] for text, spans in rows]
    objects = [
        {"text": text, "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans]}
        for text, spans in rows
    ]
    expected = [(text, [(text[s:e], label, s, e) for s, e, label in spans]) for text, spans in rows]

    for content in (lists, objects):
        found = [r for r in results(path, json.dumps(content, indent=indent)) if isinstance(r, Record)]
        assert [(r.text, [(e.text, e.type, e.start, e.end) for e in r.entities]) for r in found] == expected


@pytest.mark.parametrize(
    ("row", "is_it"),
    [
        (BOB, True),
        ({"text": "Ada", "entities": [{"start": 0, "end": 3, "label": "PER"}]}, True),
        ({"text": "Ada", "entities": [{"text": "Ada", "type": "PER", "start": 0, "end": 3}]}, False),
        ({"text": "Ada", "spans": []}, False),
        ({"text": "Ada", "spans": 7}, False),
        ({"text": "Ada", "label": [[0, 3, "PER"]]}, False),
        ({"spans": BOB["spans"]}, False),
    ],
)
def test_it_is_recognised_by_its_spans(row: Any, is_it: bool) -> None:
    assert matches(Sample(Path("x.jsonl"), json.dumps(row), (row,))) is is_it
