"""Rows of instruction, input and lines of triples."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.notations.triple_syntax import format_triple
from extune.readers.triple_instruct import read
from extune.records import Record, Rejected, Relation


def read_rows(folder: Path, *rows: Any) -> list[Record | Rejected]:
    path = folder / "x.jsonl"
    path.write_text("".join(json.dumps({"instruction": "抽取", **row}) + "\n" for row in rows))
    return list(read(path))


def test_a_row_becomes_a_record_with_its_triples(tmp_path: Path) -> None:
    text = "周雨薇创立了远帆科技，远帆科技的总部设在江城。"
    output = "(周雨薇, 创立, 远帆科技)\n(远帆科技, 总部在, 江城)"

    (record,) = read_rows(tmp_path, {"input": text, "output": output})

    assert isinstance(record, Record)
    assert (record.text, record.lang) == (text, "zh")
    assert record.relations == (Relation("周雨薇", "创立", "远帆科技"), Relation("远帆科技", "总部在", "江城"))


def test_id_and_language_of_the_row_are_kept(tmp_path: Path) -> None:
    (record,) = read_rows(tmp_path, {"id": "r1", "lang": "de", "input": "Ada", "output": "无"})

    assert isinstance(record, Record)
    assert (record.id, record.lang, record.relations) == ("r1", "de", ())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"input": "Ada", "output": "(a, b, c)\n(a, b)"}, "field 'output': line 2 is not a triple: '(a, b)'"),
        ({"input": "Ada"}, "lacks the field 'output'"),
        ({"input": "Ada", "output": ["(a, b, c)"]}, "field 'output' is a list, not a string"),
        ({"input": "", "output": ""}, "field 'input' is empty"),
    ],
)
def test_an_unreadable_row_is_rejected(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    bad, good = read_rows(tmp_path, row, {"input": "Ada", "output": ""})

    assert isinstance(bad, Rejected)
    assert bad.reason == reason
    assert isinstance(good, Record)


FIELD = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text == text.strip())


@given(triples=st.lists(st.tuples(FIELD, FIELD, FIELD)))
def test_triples_that_were_formatted_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]]
) -> None:
    output = "\n".join(format_triple(*triple) for triple in triples)

    (record,) = read_rows(tmp_path_factory.getbasetemp(), {"input": "Ada", "output": output})

    assert isinstance(record, Record)
    assert record.relations == tuple(Relation(*triple) for triple in triples)
