"""The commands about data and scores, as a user calls them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
ROWS = [
    {
        "id": "1",
        "text": "Ann left Oslo.",
        "entities": [{"text": "Ann", "type": "PER"}, {"text": "Oslo", "type": "LOC"}],
    },
    {"id": "2", "text": "It rained."},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mine = tmp_path / "mine"
    mine.mkdir()
    write(mine / "train.jsonl", ROWS)
    return tmp_path


def write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def jsonl(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_any_format_becomes_instruction_rows_and_neutral_records(extune: Call, folder: Path) -> None:
    (folder / "mine" / "x.bio").write_text("Ann B-PER\nleft O\nOslo B-LOC\n\n", encoding="utf-8")

    words = ["convert", "mine/x.bio", "rows.jsonl", "--json"]  # in a process of its own, once
    done = subprocess.run([sys.executable, "-m", "extune", *words], cwd=folder, capture_output=True, text=True)
    records = extune(folder, "convert", "mine/x.bio", "records.jsonl", "--to", "records")

    assert (done.returncode, records.code) == (0, 0), done.stderr
    assert json.loads(done.stdout) == {
        "format": "conll", "records": 1, "rows": 1, "rejected": 0, "written": "rows.jsonl"
    }  # fmt: skip
    assert json.loads(jsonl(folder / "rows.jsonl")[0]["output"]) == {"PER": ["Ann"], "LOC": ["Oslo"]}
    assert [e["text"] for e in jsonl(folder / "records.jsonl")[0]["entities"]] == ["Ann", "Oslo"]


def test_bad_lines_stand_in_a_file_beside_the_rows(extune: Call, folder: Path) -> None:
    with open(folder / "mine" / "train.jsonl", "a", encoding="utf-8") as handle:
        handle.write('{"id": "3"}\n')
    refused = extune(folder, "convert", "mine/train.jsonl", "rows.jsonl")
    assert (refused.code, (folder / "rows.jsonl").exists()) == (2, False)
    assert "1 of 3 records are bad, limit 1 %. rows.jsonl.rejected.jsonl says" in refused.err
    done = extune(folder, "convert", "mine/train.jsonl", "rows.jsonl", "--json", "--max-bad", "0.5")
    assert json.loads(done.out)["rejected"] == 1
    (bad,) = jsonl(folder / "rows.jsonl.rejected.jsonl")
    assert (bad["where"], bad["reason"]) == ("mine/train.jsonl:3", "lacks the field 'text'")


def test_a_file_of_two_splits_is_inspected_with_what_they_share(extune: Call, folder: Path) -> None:
    write(folder / "mine" / "test.jsonl", [{**ROWS[0], "id": "9"}])
    done = extune(folder, "inspect", "mine", "--json", "--html", "page.html")
    figures = json.loads(done.out)
    assert figures["splits"]["train"]["records"] == 2
    assert figures["leakage"]["test"]["texts"]["exact"] == 1
    assert "<html" in (folder / "page.html").read_text(encoding="utf-8")


def test_mistakes_become_hard_negatives_and_scores(extune: Call, folder: Path) -> None:
    wrong = {"entities": [{"text": "Ann", "type": "LOC"}, {"text": "Oslo", "type": "LOC"}]}
    write(folder / "predictions.jsonl", [{"id": "1", "text": ROWS[0]["text"], "gold": {"entities": ROWS[0]["entities"]},
                                          "predicted": wrong}])  # fmt: skip
    assert extune(folder, "confusable", "hard.json", "--predictions", "predictions.jsonl").code == 0
    assert json.loads((folder / "hard.json").read_text()) == {"PER": ["LOC"]}
    scored = extune(folder, "score", "predictions.jsonl", "--task", "NER", "--json")
    assert json.loads(scored.out)["f1"] == 0.5


def test_predictions_in_a_file_of_their_own_are_paired_with_gold_by_id(extune: Call, folder: Path) -> None:
    write(folder / "found.jsonl", [{**ROWS[0], "entities": ROWS[0]["entities"][:1]}])
    done = extune(folder, "score", "found.jsonl", "--gold", "mine/train.jsonl", "--task", "NER", "--json")
    assert json.loads(done.out)["recall"] == 0.5
    assert "missing: 1" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("convert", "gone.jsonl", "out"), "gone.jsonl"),
        (("convert", "mine/train.jsonl", "mine"), "mine: is a folder. Name a file"),
        (("convert", "mine/train.jsonl", "o", "--to", "xml"), "no form 'xml'. Known forms: iepile, records"),
        (("convert", "mine/train.jsonl", "o", "--split-num", "0"), "split_num is 0"),
        (("convert", "mine/train.jsonl", "o", "--column", "x"), "--column is not FIELD=COLUMN"),
        (("convert", "mine/train.jsonl", "o", "--compat", "deepke", "--schema", "gone"), "gone"),
        (("inspect", "gone"), "gone: no such file or folder"),
        (("inspect", "mine/train.jsonl", "--tokens", "1"), "not a training row"),
        (("confusable", "o"), "neither mistakes nor names. Give --predictions, or --base with --schema"),
        (("confusable", "o", "--predictions", "mine/train.jsonl"), "mine/train.jsonl:1: not a prediction"),
        (("score", "gone.jsonl"), "gone.jsonl: file not found"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_and_writes_nothing(
    extune: Call, folder: Path, words: tuple[str, ...], message: str
) -> None:
    before = sorted(path.name for path in folder.rglob("*"))
    done = extune(folder, *words)
    assert done.code == 2, done.err
    assert message in done.err
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert sorted(path.name for path in folder.rglob("*")) == before
