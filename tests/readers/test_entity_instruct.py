"""Seed projects' rows of entity recognition."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.notations.entity_syntax import format_entity
from extune.readers.entity_instruct import read
from extune.records import Entity, Record, Rejected

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text == text.strip() != "")


def read_row(folder: Path, row: Any) -> Record | Rejected:
    path = folder / "train.txt"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    (result,) = read(path)
    return result


def test_the_query_is_the_text_and_each_line_of_the_answer_an_entity(tmp_path: Path) -> None:
    row = {"instruct": "识别实体。", "query": "文本：艾达住在伦敦。", "answer": "艾达_人名\n伦敦_地名"}

    result = read_row(tmp_path, row)

    assert isinstance(result, Record)
    assert result.text == "文本：艾达住在伦敦。"
    assert result.entities == (Entity("艾达", "人名"), Entity("伦敦", "地名"))
    assert result.lang == "zh"


@pytest.mark.parametrize("answer", ["没有", "", " 没有\n"])
def test_no_entity_has_a_word_of_its_own(tmp_path: Path, answer: str) -> None:
    result = read_row(tmp_path, {"instruct": "x", "query": "Ada", "answer": answer})

    assert isinstance(result, Record)
    assert result.entities == ()


@given(pairs=st.lists(st.tuples(WORD, WORD), max_size=4))
def test_what_the_notation_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    answer = "\n".join(format_entity(*pair) for pair in pairs)

    result = read_row(tmp_path_factory.getbasetemp(), {"instruct": "x", "query": "Ada", "answer": answer})

    assert isinstance(result, Record)
    assert result.entities == tuple(Entity(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"query": "Ada", "answer": "Ada_PER\nAda"}, "field 'answer': line 2 is not"),
        ({"query": "Ada", "answer": None}, "field 'answer' is null, not a string"),
        ({"query": "Ada"}, "lacks the field 'answer'"),
        ({"query": " ", "answer": ""}, "field 'query' is empty"),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, row: Any, reason: str) -> None:
    result = read_row(tmp_path, row)

    assert isinstance(result, Rejected)
    assert reason in result.reason
