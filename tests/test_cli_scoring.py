"""`extune score` on DeepKE-LLM's prediction rows, as a user calls it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
GOLD = [{"entity": "Ann", "entity_type": "P"}, {"entity": "Rome", "entity_type": "L"}]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Two rows of one text, one entity right and one found twice, and a text whose answer is cut off."""
    question = json.dumps({"instruction": "Extract.", "schema": ["P", "L"], "input": "Ann met Bob in Rome"})
    both = [("a", '{"P": ["Ann", "Ann"]}'), ("a", '{"L": []}'), ("b", '{"P": ["Ann"')]
    lines = [
        {"id": id, "source": "s", "instruction": question, "label": json.dumps(GOLD), "output": output}
        for id, output in both
    ]
    path = tmp_path / "output.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def test_the_default_counts_an_item_once_and_an_answer_that_cannot_be_read(extune: Call, rows: Path) -> None:
    found = json.loads(extune(rows.parent, "score", rows.name, "--task", "NER", "--json").out)
    assert (found["documents"], found["tp"], found["predicted"], found["gold"]) == (2, 1, 1, 4)
    assert found["parse_rate"] == 0.5


def test_compat_gives_the_references_figures_on_any_number_of_processes(extune: Call, rows: Path) -> None:
    done = [
        extune(rows.parent, "score", rows.name, "--task", "NER", "--compat", "deepke", "--workers", n) for n in "12"
    ]
    total = json.loads(done[0].out)["total"]
    assert total == {"总样本数": 2, "错误数": 1, "P": 50.0, "R": 25.0, "F1": 33.33}
    assert done[0] == done[1]


def test_rows_with_gold_of_their_own_take_no_other(extune: Call, rows: Path) -> None:
    done = extune(rows.parent, "score", rows.name, "--gold", rows.name, "--task", "NER")
    assert (done.code, done.out) == (2, "")
    assert "output.jsonl has its own gold. Leave out --gold" in done.err
