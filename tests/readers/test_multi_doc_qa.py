"""Multi-Doc-QA-Chinese: questions about positive documents, with negatives beside them or in their place."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import AUTO, find_format, reader
from extune.readers.multi_doc_qa import GAP, unanswerable, with_distractors
from extune.records import QA, Record, Rejected

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
RECORD = Record("7", "Ada wrote it.", "en", qa=QA("Who?", "Ada", "Ada wrote it.", ("Ada",)))


def row(name: str, **change: Any) -> dict[str, Any]:
    return {
        "id": name,
        "QA": [{"question": "Who?", "answer": "Ada"}],
        "positive_doc": [{"id": "d", "title": "", "text": "Ada wrote it."}],
        "negative_doc": [{"text": f"Rain on day {day}."} for day in range(99)],
    } | change


def read(folder: Path, *rows: Any, name: str = "multi_doc_qa") -> list[Record | Rejected]:
    (folder / "x.json").write_text("\n".join(map(json.dumps, rows)))
    return list(reader(name)(folder))


@pytest.mark.parametrize(
    ("documents", "text"),
    [
        (["Ada wrote it."], "Ada wrote it."),
        ([{"title": "Ada", "content": "She wrote."}], "Ada\nShe wrote."),
        ([{"title": "Ada", "text": "Ada wrote it."}], "Ada wrote it."),
        (["One.", {"text": "Two."}], "One.\n\nTwo."),
    ],
)
def test_the_document_of_a_question_is_its_positive_ones(tmp_path: Path, documents: Any, text: str) -> None:
    (record,) = read(tmp_path, row("7", positive_doc=documents, negative_doc=[]))

    assert record == Record("7", text, "en", qa=QA("Who?", "Ada", text, ("Ada",)))


def test_about_every_third_question_stands_again_without_an_answer(tmp_path: Path) -> None:
    records = [r for r in read(tmp_path, *(row(str(n)) for n in range(300))) if isinstance(r, Record)]
    empty = [r for r in records if r.id.endswith("#neg0")]

    assert len(records) - len(empty) == 300
    assert 70 < len(empty) < 130
    assert all(r.qa and r.qa.answer == "" and r.text == r.qa.document == "Rain on day 0." for r in empty)


def test_what_becomes_of_a_question_does_not_hang_on_the_others(tmp_path: Path) -> None:
    rows = [row(str(n)) for n in range(9)]
    assert set(read(tmp_path, *rows[3:])) < set(read(tmp_path, *rows))


def test_a_negative_that_holds_the_answer_is_not_unanswerable(tmp_path: Path) -> None:
    records = read(tmp_path, *(row(str(n), negative_doc=["Ada again.", "Rain."]) for n in range(9)))
    texts = {r.text for r in records if isinstance(r, Record) and r.id.endswith("#neg0")}
    assert texts == {"Rain."}


def test_each_question_of_a_row_has_an_id_that_lasts(tmp_path: Path) -> None:
    pairs = [{"question": "Who?", "answer": "Ada"}, {"question": "What?", "answer": "it"}]
    one = row("7", QA=pairs, negative_doc=[])
    assert [r.id for r in read(tmp_path, one) if isinstance(r, Record)] == ["7", "7#q1"]

    del one["id"]
    first, second = (r.id for r in read(tmp_path, one) if isinstance(r, Record))
    assert second == f"{first}#q1"


def test_distractors_stand_beside_the_document(tmp_path: Path) -> None:
    rows = [row(str(n)) for n in range(30)]
    records = [r for r in read(tmp_path, *rows, name="multi_doc_qa_distractors") if isinstance(r, Record)]

    places = set()
    for record in records:
        parts = record.text.split(GAP)
        assert len(set(parts)) == 5
        assert ("Ada wrote it." in parts) is not record.id.endswith("#neg0")
        places |= {parts.index("Ada wrote it.")} if "Ada wrote it." in parts else set()
    assert places == {0, 1, 2, 3, 4}
    assert records == read(tmp_path, *rows, name="multi_doc_qa_distractors")


@given(negatives=st.lists(WORD, max_size=6), count=st.integers(0, 9), seed=st.integers())
def test_distractors_keep_the_question_its_answer_and_its_passage(negatives: list[str], count: int, seed: int) -> None:
    record = with_distractors(RECORD, negatives, count, random.Random(seed))

    assert record.id == RECORD.id
    assert record.qa
    assert (record.qa.question, record.qa.answers, record.qa.document) == ("Who?", ("Ada",), record.text)
    assert RECORD.text in record.text
    extra = sum(map(len, negatives)) if count >= len(negatives) else None
    if extra is not None:
        assert len(record.text) == len(RECORD.text) + extra + len(GAP) * len(negatives)


def test_an_unanswerable_record_keeps_its_question() -> None:
    assert unanswerable(RECORD, "Rain.") == Record("7#neg0", "Rain.", "en", qa=QA("Who?", "", "Rain."))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"positive_doc": []}, "field 'positive_doc' is empty"),
        ({"positive_doc": [{"title": "a"}]}, "lacks the field 'text'"),
        ({"negative_doc": [7]}, "field 'negative_doc' is a number"),
        ({"QA": [{"question": "Who?"}]}, "lacks the field 'answer'"),
        ({"QA": "Who?"}, "field 'QA' is a string, not a list"),
    ],
)
def test_a_row_of_another_shape_is_rejected_and_the_next_one_read(tmp_path: Path, change: Any, reason: str) -> None:
    bad, good = read(tmp_path, row("8", **change), row("7", negative_doc=[]))

    assert isinstance(bad, Rejected)
    assert reason in bad.reason
    assert bad.where == f"{tmp_path}/x.json:1"
    assert good == RECORD


def test_it_is_recognised_in_a_file_and_in_a_folder(tmp_path: Path) -> None:
    read(tmp_path, row("7"))
    assert find_format(AUTO, tmp_path).name == find_format(AUTO, tmp_path / "x.json").name == "multi_doc_qa"
