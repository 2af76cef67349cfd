"""Files of predictions that hold the gold too, of both forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import DataError
from extune.records import Entity, Record
from extune.score import has_chunks, read_chunks, read_predictions
from extune.tasks import TASKS

NER, RE = TASKS["NER"], TASKS["RE"]
TEXT = "Ann met Bob in Rome"


def chunk(output: Any, label: Any = (), *, id: str = "a", source: str | None = "s", text: str = TEXT) -> dict[str, Any]:
    question = {"instruction": "Extract.", "schema": [], "input": text}
    row = {"id": id, "instruction": json.dumps(question), "label": json.dumps(label), "output": json.dumps(output)}
    return row if source is None else {**row, "source": source}


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


GOLD = [{"entity": "Ann", "entity_type": "P"}, {"entity": "Rome", "entity_type": "L"}]


def test_the_answers_of_one_text_are_put_together(tmp_path: Path) -> None:
    path = written(
        tmp_path / "p.jsonl", chunk({"P": ["Ann"]}, GOLD), chunk({"L": []}, GOLD), chunk({"L": ["Bob"]}, GOLD)
    )
    ((gold, predicted, problems),) = read_chunks(path, NER)
    assert (gold.text, gold.source, gold.entities) == (TEXT, "s", (Entity("Ann", "P"), Entity("Rome", "L")))
    assert predicted == Record("sa", TEXT, "en", entities=(Entity("Ann", "P"), Entity("Bob", "L")), source="s")
    assert problems == []


def test_an_answer_that_cannot_be_read_is_a_problem_of_its_text(tmp_path: Path) -> None:
    broken = chunk({}, GOLD) | {"output": '{"P": ["Ann"'}
    for bad in (broken, chunk({}, GOLD) | {"output": None}, chunk([1], GOLD), chunk({"P": [3]}, GOLD)):
        ((_, predicted, problems),) = read_chunks(written(tmp_path / "p.jsonl", bad, chunk({"P": ["Ann"]}, GOLD)), NER)
        assert predicted.entities == (Entity("Ann", "P"),)
        assert [note.partition(":")[0] for note in problems] == ["unread"]


def test_what_says_nothing_is_said_once_and_read_again_where_it_is_a_problem(tmp_path: Path) -> None:
    rows = [chunk({"P": []}, GOLD, id=str(n)) for n in range(3)] + [chunk({}, id="4") | {"output": "{"}] * 2
    found = [*read_chunks(written(tmp_path / "p.jsonl", *rows), NER)]
    assert [len(problems) for _, _, problems in found] == [0, 0, 0, 2]


def test_an_answer_that_is_no_string_is_a_problem_after_one_that_says_nothing(tmp_path: Path) -> None:
    rows = [chunk({}, GOLD), chunk({}, GOLD), chunk({}, GOLD) | {"output": {}}, chunk({}, GOLD) | {"output": []}]
    ((_, predicted, problems),) = read_chunks(written(tmp_path / "p.jsonl", *rows), NER)
    assert (predicted.entities, len(problems)) == ((), 2)


def test_one_id_of_two_sources_is_two_texts_and_the_task_need_not_be_named(tmp_path: Path) -> None:
    label = [{"head": "Ann", "relation": "met", "tail": "Bob"}]
    rows = [chunk({"met": [{"head": "Ann", "tail": "Bob"}]}, label, source=source) for source in ("s", "t", None)]
    found = [*read_chunks(written(tmp_path / "p.jsonl", *rows), RE)]
    assert [gold.id for gold, _, _ in found] == ["sa", "ta", "a"]
    assert all(RE.items(gold) == RE.items(predicted) != () for gold, predicted, _ in found)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([chunk({}), chunk({}, id="b"), chunk({})], "p.jsonl:3: rows of the text 'a' stand apart. Sort the rows"),
        ([chunk({}), "{"], "p.jsonl:2: not a prediction"),
        ([chunk({}), "[1]"], "p.jsonl:2: not a prediction"),
        ([chunk({}), {"id": "b"}], "p.jsonl:2: not a prediction"),
        ([chunk({}), chunk({}, id="b") | {"label": "["}], "p.jsonl:2: label: "),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        [*read_chunks(written(tmp_path / "p.jsonl", *rows), NER)]
    assert message in str(caught.value)


OWN = {"id": "a", "text": TEXT, "gold": {"entities": [{"text": "Ann", "type": "P"}]}, "predicted": {}}


def test_the_form_is_told_from_the_first_line(tmp_path: Path) -> None:
    for row, told in ((chunk({}), True), (OWN, False), ("{", False), ("[1]", False), ("", False)):
        assert has_chunks(written(tmp_path / "p.jsonl", row)) is told


def test_rows_of_evaluate_keep_their_problems(tmp_path: Path) -> None:
    path = written(tmp_path / "p.jsonl", OWN, OWN | {"id": "b", "problems": ["unread: x"]})
    found = [*read_predictions(path)]
    assert [(gold.id, gold.entities, problems) for gold, _, problems in found] == [
        ("a", (Entity("Ann", "P"),), []),
        ("b", (Entity("Ann", "P"),), ["unread: x"]),
    ]
    with pytest.raises(DataError, match=r"p\.jsonl:1: not a prediction"):
        [*read_predictions(written(path, {"id": "a"}))]
