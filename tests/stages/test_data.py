"""From nothing, or from labelled files, to training rows: the stages that write data/."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extune.config import load
from extune.errors import ExtuneError
from extune.gather import BadSource
from extune.stages import stage

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("generate", "prepare", "build")


def shipped(folder: Path) -> Path:
    """A new project with the shipped files and no data."""
    for name in ("params.yaml", "MLproject", "data/relations.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(folder: Path, name: str, *overrides: str) -> dict[str, Any]:
    return stage(name)(load(folder / "params.yaml", None, overrides), folder)


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if ".cache" not in path.parts}


def jsonl(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The shipped project after generate, prepare and build, and what they returned."""
    folder = shipped(tmp_path_factory.mktemp("built"))
    return folder, {name: run(folder, name) for name in STAGES}


@pytest.mark.integration
def test_the_shipped_parameters_give_training_rows(built: tuple[Path, dict[str, Any]]) -> None:
    folder, told = built
    assert told["generate"] == {"train": 900, "test": 120, "written": "data/raw"}
    assert told["prepare"]["train"] + told["prepare"]["dev"] == 900
    assert (told["prepare"]["quarantined"], told["prepare"]["grounded"]) == (0, True)

    rows = jsonl(folder / "data/sft/train.jsonl")
    assert len(rows) == told["build"]["train"] == told["prepare"]["train"]
    assert all([turn["role"] for turn in row["prompt"]] == ["system", "user"] for row in rows)
    assert all([turn["role"] for turn in row["completion"]] == ["assistant"] for row in rows)


@pytest.mark.integration
def test_the_commands_give_the_same_bytes_in_another_process(
    built: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    code = f"from extune.cli import app\nfor name in {STAGES}: app([name], standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=shipped(tmp_path), env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == files(built[0])


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("prepare", ["data.source=gone"]),
        ("prepare", ["task.name=NER"]),
        ("prepare", ["task.name=POS"]),
        ("build", ["task.split_num=0"]),
        ("build", ["task.name=NER"]),
        ("generate", ["generate.relations=params.yaml"]),
    ],
)
def test_a_failed_stage_leaves_the_last_result_as_it_was(
    built: tuple[Path, dict[str, Any]], name: str, overrides: list[str]
) -> None:
    before = files(built[0])
    with pytest.raises(ExtuneError):
        run(built[0], name, *overrides)
    assert files(built[0]) == before


OWN = ("data.source=own.jsonl", "data.reader=records", "task.name=NER")


def write_records(folder: Path, good: int) -> None:
    """So many good lines, then one that is not JSON and one without a text."""
    rows = [{"id": str(n), "text": f"Ann {n}", "entities": [{"text": "Ann", "type": "PER"}]} for n in range(good)]
    lines = [*map(json.dumps, rows), "{oops", '{"id": "x"}']
    (folder / "own.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_too_many_bad_lines_stop_and_each_is_in_the_quarantine_with_its_reason(tmp_path: Path) -> None:
    write_records(shipped(tmp_path), good=3)
    with pytest.raises(BadSource):
        run(tmp_path, "prepare", *OWN)

    first, second = jsonl(tmp_path / "data/records/quarantine.jsonl")
    assert (first["where"], first["line"]) == (f"{os.path.relpath(tmp_path / 'own.jsonl')}:4", "{oops")
    assert (second["where"], second["reason"]) == (
        f"{os.path.relpath(tmp_path / 'own.jsonl')}:5",
        "lacks the field 'text'",
    )
    assert [path.name for path in (tmp_path / "data/records").iterdir()] == ["quarantine.jsonl"]


def test_a_few_bad_lines_are_set_aside_and_counted(tmp_path: Path) -> None:
    write_records(shipped(tmp_path), good=30)
    told = run(tmp_path, "prepare", *OWN, "data.max_bad=0.1")

    assert told["quarantined"] == len(jsonl(tmp_path / "data/records/quarantine.jsonl")) == 2
    assert sum(told[name] for name in ("train", "dev", "test")) == 30
    assert json.loads((tmp_path / "data/records/stats.json").read_text(encoding="utf-8"))["rejected"] == 2


def test_rows_ask_for_labels_in_groups_and_with_the_negatives_of_the_parameters(tmp_path: Path) -> None:
    write_records(shipped(tmp_path), good=30)
    (tmp_path / "schema.yaml").write_text("entities: [A, PER, C, D]\n", encoding="utf-8")
    json_notation = (*OWN, "data.max_bad=0.1", "task.notation=iepile_json")
    run(tmp_path, "prepare", *json_notation)

    def asked(*overrides: str) -> list[Any]:
        told = run(tmp_path, "build", *json_notation, *overrides)
        rows = jsonl(tmp_path / "data/sft/train.jsonl")
        assert len(rows) == told["train"]
        return [json.loads(row["prompt"][-1]["content"])["schema"] for row in rows if row["id"] == rows[0]["id"]]

    assert asked() == [["A", "PER", "C", "D"]]
    assert asked("task.split_num=2") == [["A", "PER"], ["C", "D"]]
    assert asked("task.negatives=0") == [["PER"]]


def test_what_a_killed_run_left_is_taken_away_and_what_a_running_one_writes_is_not(tmp_path: Path) -> None:
    write_records(shipped(tmp_path), good=30)
    dead, alive = (tmp_path / f"data/.records.{pid}.tmp" for pid in (2**22 + 1, os.getppid()))
    for folder in (dead, alive):
        folder.mkdir()

    run(tmp_path, "prepare", *OWN, "data.max_bad=0.1")

    assert [folder.exists() for folder in (dead, alive)] == [False, True]
    assert sorted(path.name for path in (tmp_path / "data/records").iterdir()) == [
        *("dev.jsonl", "faults.jsonl", "quarantine.jsonl", "schema.yaml", "stats.json"),
        *("test.jsonl", "train.jsonl"),
    ]


def test_a_file_that_mixes_tasks_ends_with_its_quarantine_alone(tmp_path: Path) -> None:
    shipped(tmp_path)
    entity = {"text": "Ann left", "entities": [{"text": "Ann", "type": "PER"}]}
    triple = {"text": "Ann left", "relations": [{"head": "Ann", "relation": "x", "tail": "left"}]}
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (entity, triple)), encoding="utf-8")

    with pytest.raises(BadSource, match=r"own\.jsonl:2: it has relations and no entities"):
        run(tmp_path, "prepare", *OWN)

    assert [path.name for path in (tmp_path / "data/records").iterdir()] == ["quarantine.jsonl"]
