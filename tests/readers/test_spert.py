"""Rows of tokens: SpERT's in both spellings, and the ones with `spo_details`."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import reader
from extune.readers.format import Sample
from extune.readers.spert import matches as is_spert
from extune.readers.spo_details import matches as is_spo_details
from extune.records import Entity, Record, Rejected, Relation

TOKENS = ["Ada", "Byron", "in", "London"]
ENDS = (Entity("Ada Byron", "PER", 0, 9), Entity("London", "LOC", 13, 19))
OBJECTS: dict[str, Any] = {
    "tokens": TOKENS,
    "entities": [{"type": "PER", "start": 0, "end": 2}, {"type": "LOC", "start": 3, "end": 4}],
    "relations": [{"type": "in", "head": 0, "tail": 1}],
    "orig_id": 7,
}
LISTS: dict[str, Any] = {
    "tokens": TOKENS,
    "entities": [[0, 2, "PER"], [3, 4, "LOC"]],
    "relations": [[0, 2, 3, 4, "in"]],
    "id": "7",
}
TRIPLES: dict[str, Any] = {
    "id": "7",
    "tokens": TOKENS,
    "spo_list": [["Ada Byron", "in", "London"]],
    "spo_details": [[0, 2, "PER", "in", 3, 4, "LOC"]],
}


def read_row(path: Path, name: str, row: Any) -> Record | Rejected:
    path.write_text(json.dumps([row]), encoding="utf-8")
    (result,) = reader(name)(path)
    return result


@pytest.mark.parametrize(("name", "row"), [("spert", OBJECTS), ("spert", LISTS), ("spo_details", TRIPLES)])
def test_spans_of_tokens_become_spans_of_text(tmp_path: Path, name: str, row: dict[str, Any]) -> None:
    relation = Relation("Ada Byron", "in", "London", "PER", "LOC")

    expected = Record("7", "Ada Byron in London", "en", ENDS, (relation,))
    assert read_row(tmp_path / "x.json", name, row) == expected


def test_ends_without_a_type_are_no_entities(tmp_path: Path) -> None:
    row = TRIPLES | {"spo_details": [[0, 2, "None-label", "in", 3, 4, "LOC"]]}

    result = read_row(tmp_path / "x.json", "spo_details", row)

    assert isinstance(result, Record)
    assert result.entities == ENDS[1:]
    assert result.relations == (Relation("Ada Byron", "in", "London", None, "LOC"),)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"entities": [], "relations": []}, "lacks the field 'tokens'"),
        (OBJECTS | {"tokens": ["Ada", 1]}, "holds something that is not a string"),
        (OBJECTS | {"tokens": []}, "no tokens 0:2; there are 0"),
        ({"tokens": []}, "the text is empty"),
        (OBJECTS | {"entities": [{"type": "PER", "start": 0}]}, "not an entity: {'type': 'PER', 'start': 0}"),
        (OBJECTS | {"entities": [{"type": " ", "start": 0, "end": 1}]}, "field 'type' is empty"),
        (OBJECTS | {"entities": [{"type": "PER", "start": 3, "end": 5}]}, "no tokens 3:5; there are 4"),
        (OBJECTS | {"relations": [{"type": "in", "head": 0, "tail": 2}]}, "no entity 2; there are 2"),
        (OBJECTS | {"relations": [{"type": "in", "head": -1, "tail": 1}]}, "no entity -1"),
        (LISTS | {"relations": [[0, 2, 2, 4, "in"]]}, "'in London' of a relation is not among the entities"),
        (LISTS | {"relations": [[0, 2, "in"]]}, "not a relation: [0, 2, 'in']"),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    result = read_row(tmp_path / "x.json", "spert", row)

    assert isinstance(result, Rejected)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ([[0, 2, "PER", "in", 3, 9, "LOC"]], "no tokens 3:9"),
        ([[0, 2, "PER", " ", 3, 4, "LOC"]], "not [start, end, type, predicate"),
        (["Ada"], "not [start, end, type, predicate"),
        ("Ada", "field 'spo_details' is a string, not a list"),
    ],
)
def test_triples_of_another_shape_are_rejected(tmp_path: Path, details: Any, reason: str) -> None:
    result = read_row(tmp_path / "x.json", "spo_details", TRIPLES | {"spo_details": details})

    assert isinstance(result, Rejected)
    assert reason in result.reason


WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=4)
LABEL = st.sampled_from(["PER", "LOC", "人名"])


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row in SpERT's spelling; spans may be nested."""
    tokens = draw(st.lists(WORD, min_size=1, max_size=6))
    places = [(start, end) for end in range(1, len(tokens) + 1) for start in range(end)]
    spans = draw(st.lists(st.sampled_from(places), unique=True, min_size=1, max_size=4))
    number = st.integers(0, len(spans) - 1)
    relations = draw(st.lists(st.tuples(number, number, LABEL), max_size=4))
    return {
        "tokens": tokens,
        "entities": [{"type": draw(LABEL), "start": start, "end": end} for start, end in spans],
        "relations": [{"type": label, "head": head, "tail": tail} for head, tail, label in relations],
    }


def as_lists(row: dict[str, Any]) -> dict[str, Any]:
    entities = [[e["start"], e["end"], e["type"]] for e in row["entities"]]
    relations = [[*entities[r["head"]][:2], *entities[r["tail"]][:2], r["type"]] for r in row["relations"]]
    return {"tokens": row["tokens"], "entities": entities, "relations": relations}


def as_triples(row: dict[str, Any]) -> dict[str, Any]:
    ends = [[e["start"], e["end"], e["type"]] for e in row["entities"]]
    details = [[*ends[r["head"]], r["type"], *ends[r["tail"]]] for r in row["relations"]]
    return {"tokens": row["tokens"], "spo_details": details}


@given(row=rows())
def test_all_spellings_say_the_same(tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "x.json"

    first = read_row(path, "spert", row)

    assert isinstance(first, Record)
    assert len(first.entities) == len(row["entities"])
    for entity, item in zip(first.entities, row["entities"], strict=True):
        assert first.text[entity.start : entity.end] == entity.text
        assert entity.text.replace(" ", "") == "".join(row["tokens"][item["start"] : item["end"]])
    assert read_row(path, "spert", as_lists(row)) == first
    triples = read_row(path, "spo_details", as_triples(row))
    assert isinstance(triples, Record)
    assert (triples.text, triples.relations) == (first.text, first.relations)


@pytest.mark.parametrize(
    ("row", "spert", "details"),
    [
        (OBJECTS, True, False),
        (LISTS, True, False),
        (TRIPLES, False, True),
        ({"tokens": TOKENS, "ner_tags": [0, 1]}, False, False),
        ({"tokens": TOKENS, "entities": [], "relations": []}, False, False),
        ({"tokens": TOKENS, "entities": 7, "relations": []}, False, False),
        ({"text": "Ada", "entities": [{"text": "Ada", "type": "PER"}], "relations": []}, False, False),
    ],
)
def test_they_are_recognised_by_their_fields(row: dict[str, Any], spert: bool, details: bool) -> None:
    sample = Sample(Path("x.json"), json.dumps(row), (row,))
    assert (is_spert(sample), is_spo_details(sample)) == (spert, details)
