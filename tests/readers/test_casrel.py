"""CasRel's rows of triples."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.casrel import matches, read
from extune.readers.format import Sample
from extune.records import Record, Rejected, Relation

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


def read_row(path: Path, row: Any) -> Record | Rejected:
    path.write_text(json.dumps([row], indent=4), encoding="utf-8")
    (result,) = read(path)
    return result


@given(triples=st.lists(st.tuples(WORD, WORD, WORD)))
def test_triples_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]]
) -> None:
    row = {"id": 7, "text": "Ada wrote.", "triple_list": triples}

    expected = Record("7", "Ada wrote.", "en", relations=tuple(Relation(*triple) for triple in triples))
    assert read_row(tmp_path_factory.getbasetemp() / "casrel.json", row) == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "Ada"}, "lacks the field 'triple_list'"),
        ({"text": "Ada", "triple_list": [["Ada", "wrote"]]}, "not three strings: ['Ada', 'wrote']"),
        ({"text": "Ada", "triple_list": [["Ada", "wrote", 7]]}, "not three strings"),
        ({"text": "Ada", "triple_list": ["Ada"]}, "not three strings"),
        ({"text": "Ada", "triple_list": [["Ada", "", "notes"]]}, "a part of the triple is empty"),
        ({"text": "Ada", "triple_list": {}}, "is an object, not a list"),
        ({"text": " ", "triple_list": []}, "field 'text' is empty"),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, row: Any, reason: str) -> None:
    result = read_row(tmp_path / "x.json", row)

    assert isinstance(result, Rejected)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("row", "is_it"),
    [
        ({"text": "Ada", "triple_list": []}, True),
        ({"text": "Ada", "triple_list": 7}, False),
        ({"text": "Ada", "spo_list": []}, False),
        ({"triple_list": []}, False),
    ],
)
def test_it_is_recognised_by_its_fields(row: Any, is_it: bool) -> None:
    assert matches(Sample(Path("x.json"), "", (row,))) is is_it
