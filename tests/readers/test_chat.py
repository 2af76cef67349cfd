"""Instruction tuning files: what is asked and answered in them is found, or refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extune.readers import FORMATS, find_format, open_format
from extune.records import Entity, Record, Rejected, Relation

WRAP: dict[str, Callable[[str, str], Any]] = {
    "alpaca": lambda question, answer: {"instruction": question, "input": "", "output": answer},
    "messages": lambda question, answer: {
        "messages": [
            {"role": "system", "content": "You extract."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    },
    "sharegpt": lambda question, answer: {
        "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    },
}
ASKED = {"instruction": "Find names.", "schema": ["PER"], "input": "Ada wrote."}
IEPILE = json.dumps(ASKED)


def read(folder: Path, name: str, *rows: Any) -> list[Record | Rejected]:
    path = folder / "chat.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return list(open_format(name, path))


@pytest.mark.parametrize("name", WRAP)
@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        (IEPILE, '{"PER": ["Ada"]}', Record("1", "Ada wrote.", "en", (Entity("Ada", "PER"),))),
        ("Ada wrote notes.", "(Ada, wrote, notes)", Record("1", "Ada wrote notes.", "en", (), (Relation("Ada", "wrote", "notes"),))),
        ("艾达写作。", "艾达_人名", Record("1", "艾达写作。", "zh", (Entity("艾达", "人名"),))),
        ("艾达写作。", "没有", Record("1", "艾达写作。", "zh")),
    ],
)  # fmt: skip
def test_each_way_to_answer_is_told_from_the_others(
    tmp_path: Path, name: str, question: str, answer: str, expected: Record
) -> None:
    assert read(tmp_path, name, {"id": 1, **WRAP[name](question, answer)}) == [expected]


@pytest.mark.parametrize("name", WRAP)
def test_a_plain_question_is_refused_with_the_formats_for_it(tmp_path: Path, name: str) -> None:
    (result,) = read(tmp_path, name, WRAP[name]("Ada was born in London. Where was she born?", "In London."))

    assert isinstance(result, Rejected)
    assert "records with `qa`, from squad or from multi_doc_qa" in result.reason


def test_an_answer_with_an_underscore_is_no_entity_of_a_text_without_it(tmp_path: Path) -> None:
    (result,) = read(tmp_path, "alpaca", WRAP["alpaca"]("How do I sort?", "use sort_values"))

    assert isinstance(result, Rejected)


@pytest.mark.parametrize("name", WRAP)
def test_questions_about_one_text_become_one_record(tmp_path: Path, name: str) -> None:
    other = json.dumps({**ASKED, "schema": ["WORK"]})
    rows = [WRAP[name](IEPILE, '{"PER": ["Ada"]}'), WRAP[name](other, '{"WORK": ["notes"]}')]

    (record,) = read(tmp_path, name, *rows)

    assert isinstance(record, Record)
    assert [entity.type for entity in record.entities] == ["PER", "WORK"]


@pytest.mark.parametrize("fields", [("Find names.", "Ada wrote."), ("Find names.", IEPILE), (IEPILE, "Ada wrote.")])
def test_an_alpaca_row_has_its_text_in_input(tmp_path: Path, fields: tuple[str, str]) -> None:
    output = '{"PER": ["Ada"]}' if IEPILE in fields else "Ada_PER"
    row = dict(zip(("instruction", "input", "output"), (*fields, output), strict=True))

    (record,) = read(tmp_path, "alpaca", row)

    assert isinstance(record, Record)
    assert (record.text, record.entities) == ("Ada wrote.", (Entity("Ada", "PER"),))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": []}, "0 questions and 0 answers in one chat"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
            "2 questions and 0 answers",
        ),
        ({"messages": [{"role": "user"}]}, "lacks the field 'content'"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "field 'content' is a list, not a string"),
        ({"messages": "hello"}, "field 'messages' is a string, not a list"),
        ({"text": "Ada"}, "lacks the field 'messages'"),
    ],
)
def test_a_chat_of_another_shape_is_rejected(tmp_path: Path, row: Any, reason: str) -> None:
    (result,) = read(tmp_path, "messages", row)

    assert isinstance(result, Rejected)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("row", "name"),
    [
        *((wrap("Ada wrote.", "Ada_PER"), name) for name, wrap in WRAP.items()),
        ({"instruction": "x", "input": "y", "output": "(a, b, c)"}, "triple_instruct"),
        (WRAP["alpaca"](IEPILE, "{}"), "iepile"),
        ({"instruct": "x", "query": "Ada", "answer": "没有"}, "entity_instruct"),
    ],
)
def test_each_is_recognised(tmp_path: Path, row: Any, name: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")

    assert find_format("auto", path) is FORMATS[name]
