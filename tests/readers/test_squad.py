"""SQuAD's document, CMRC's flat list, and the rows of a data set library."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.readers import AUTO, find_format
from extune.readers.squad import read
from extune.records import QA, Record, Rejected

QUESTION = {"id": "q1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}, {"text": "Ada"}]}
NONE = {"id": "q2", "question": "Where?", "answers": [], "is_impossible": True, "plausible_answers": [{"text": "Ada"}]}
PARAGRAPH = {"context": "Ada wrote.", "qas": [QUESTION, NONE]}
DOCUMENT = {"version": "v2.0", "data": [{"title": "Ada", "paragraphs": [PARAGRAPH]}]}
FLAT = {
    "context_id": "c1",
    "context_text": "Ada wrote.",
    "qas": [{"query_text": "Who?", "query_id": "q1", "answers": ["Ada", "Ada"]}],
}
ROW = {"id": "q1", "title": "Ada", "context": "Ada wrote.", "question": "Who?", "answers": {"text": ["Ada"]}}
WHO = Record("q1", "Ada wrote.", "en", qa=QA("Who?", "Ada", "Ada wrote.", ("Ada",)))
WHERE = Record("q2", "Ada wrote.", "en", qa=QA("Where?", "", "Ada wrote."))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (DOCUMENT, [WHO, WHERE]),
        ({**DOCUMENT, "note": "after", "more": 1}, [WHO, WHERE]),
        ({"tags": ["a"], **DOCUMENT}, [WHO, WHERE]),
        ([FLAT], [WHO]),
        ([ROW], [WHO]),
        (PARAGRAPH, [WHO, WHERE]),
    ],
)
def test_every_form_gives_one_record_a_question(
    tmp_path: Path, content: Any, expected: list[Record], indent: int | None
) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content, indent=indent))
    assert list(read(tmp_path / "x.json")) == expected


def test_a_bad_question_is_rejected_and_its_neighbours_are_read(tmp_path: Path) -> None:
    bad = [{"id": "q3", "question": "When?"}, {**QUESTION, "question": ""}, {**QUESTION, "answers": [True]}]
    document = {"data": [{"paragraphs": [{**PARAGRAPH, "qas": [*bad, QUESTION]}]}]}
    (tmp_path / "x.json").write_text(json.dumps(document))

    *rejected, good = read(tmp_path / "x.json")

    assert good == WHO
    assert [r.reason for r in rejected if isinstance(r, Rejected)] == [
        "lacks the field 'answers'",
        "field 'question' is empty",
        "field 'text' is true or false, not a string",
    ]
    assert {r.where for r in rejected} == {f"{tmp_path}/x.json:1"}


def test_a_document_that_is_cut_off_keeps_its_whole_articles(tmp_path: Path) -> None:
    whole = json.dumps({"data": [{"paragraphs": [PARAGRAPH]}] * 2}, indent=1)
    (tmp_path / "x.json").write_text(whole[: whole.rindex("Where")])

    results = list(read(tmp_path / "x.json"))

    assert results[:2] == [WHO, WHERE]
    assert len(results) > 2
    assert all(isinstance(result, Rejected) for result in results[2:])


def test_an_article_stands_where_its_line_says(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('\ufeff{"data": [\n{"paragraphs": []},\n' + json.dumps({"paragraphs": [PARAGRAPH]}) + "]}")
    assert [result.where for result in read(path)] == [f"{path}:3"] * 2


def neutral(folder: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    lines = [line for s in ("train", "dev", "test") for line in (folder / f"{s}.jsonl").read_text().splitlines()]
    pairs = [json.loads(line)["qa"] for line in lines]
    return {(qa["document"], qa["question"]): (qa["answer"], *qa["answers"]) for qa in pairs}


@pytest.mark.parametrize(
    ("name", "count", "without"),
    [("cmrc2018_dev.json.xz", 2196, 0), ("cmrc2018_trial.json", 509, 2), ("cmrc_style_dev.json.xz", 2190, 0)],
)
def test_the_originals_give_the_neutral_questions(real_data: Path, name: str, count: int, without: int) -> None:
    """With the same accepted answers; which of two spellings comes first differs. `without`: questions left blank."""
    expected = neutral(real_data / "cmrc2018")
    path = real_data / "cmrc2018/raw" / name

    results = list(read(path))
    asked = [result.qa for result in results if isinstance(result, Record) and result.qa]
    pairs = [qa for qa in asked if (qa.document, qa.question) in expected]
    differ = [qa for qa in pairs if {qa.answer, *qa.answers} != set(expected[qa.document, qa.question])]

    assert len(pairs) >= count
    assert not differ
    assert [r.reason for r in results if isinstance(r, Rejected)] == ["field 'question' is empty"] * without
    assert find_format(AUTO, path).name == "squad"
