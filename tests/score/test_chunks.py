"""The score of a file does not depend on how many processes read it; what is wrong with it is said as by one."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from extune.errors import DataError
from extune.score import count_problems, read_chunks, score, score_file
from extune.tasks import TASKS

NER = TASKS["NER"]
TEXT = "Ann met Bob in Rome"
GOLD = [{"entity": "Ann", "entity_type": "P"}, {"entity": "Rome", "entity_type": "L"}]


def row(id: int, output: str) -> dict[str, Any]:
    question = json.dumps({"instruction": "Extract.", "schema": [], "input": TEXT + "!" * id})
    return {"id": str(id), "source": f"s{id % 3}", "instruction": question, "label": json.dumps(GOLD), "output": output}


def rows(texts: int) -> list[dict[str, Any]]:
    """One to four rows a text: right, wrong, of the wrong type, invented, none, unreadable."""
    rng = random.Random(texts)
    answers = ('{"P": ["Ann"]}', '{"P": ["An", "Bob"]}', '{"L": ["Ann"]}', '{"L": ["Roma"]}', "{}", '{"P": ["A')
    return [row(id, rng.choice(answers)) for id in range(texts) for _ in range(rng.randint(1, 4))]


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_the_score_does_not_depend_on_the_number_of_processes(tmp_path: Path, workers: int) -> None:
    path = written(tmp_path / "p.jsonl", rows(60))
    found = [*read_chunks(path, NER)]
    whole = score([(gold, predicted) for gold, predicted, _ in found], NER)
    assert len(whole.per_document) == 60
    assert len(whole.mistakes.counts) > 3
    assert score_file(path, NER, workers) == (whole, count_problems(notes for _, _, notes in found))


@pytest.mark.parametrize(
    ("bad", "message"),
    [("{", "p.jsonl:51: not a prediction"), (row(2, "{}"), "p.jsonl:51: rows of the text '2' stand apart")],
)
def test_what_is_wrong_in_the_stretch_of_another_process_has_its_line_in_the_file(
    tmp_path: Path, bad: Any, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "p.jsonl", [*(row(id, "{}") for id in range(50)), bad])
    with pytest.raises(DataError) as caught:
        score_file(path, NER, workers=2)
    assert message in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_file_of_evaluate_is_scored_too(tmp_path: Path) -> None:
    own = {"id": "a", "text": TEXT, "gold": {"entities": [{"text": "Ann", "type": "P"}]}, "predicted": {}}
    counts, problems = score_file(written(tmp_path / "p.jsonl", [own | {"problems": ["unread: x"]}]), NER)
    assert (counts.total.gold, counts.total.tp, problems["unread"]) == (1, 0, 1)
