"""The tables of docs/benchmarks.md on training can be printed again: each by a command that its script understands."""

import importlib
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from extune.errors import EnvironmentProblem
from extune.plan import Compared
from extune.sections import Speed

ROOT = Path(__file__).parents[1]
ASKED = Namespace(times=3, data="data/sft/train.jsonl", python="")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A benchmark as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))

    def loaded(name: str) -> ModuleType:
        return importlib.import_module(name)

    return loaded


def asked_of(script: Callable[[str], Any]) -> dict[str, tuple[str, Namespace]]:
    """By table: the script and what it is told."""
    training = script("training")
    words = {name: shlex.split(training.command(table, ASKED)) for name, table in training.TABLES.items()}
    names = {name: Path(said[1]).stem for name, said in words.items()}
    return {name: (names[name], script(names[name]).parser().parse_args(said[2:])) for name, said in words.items()}


def test_every_table_is_made_by_a_command_its_script_understands(script: Callable[[str], Any]) -> None:
    told = asked_of(script)
    assert {name for name, _ in told.values()} == {"train", "processes", "plan", "kills"}
    assert {asked.times for name, asked in told.values() if name in ("train", "processes")} == {3}


def test_modes_are_peers_that_are_known_or_ours_with_settings_that_are(script: Callable[[str], Any]) -> None:
    train = script("train")
    asked = [asked for name, asked in asked_of(script).values() if name == "train"]
    modes = [train.mode(text, each) for each in asked for text in each.modes]
    assert {mode.name for mode in modes} <= {"extune", *train.NAMES}
    assert {key for mode in modes for key, _ in mode.forced} <= set(Speed.model_fields)


def test_the_document_names_the_command_of_every_table(script: Callable[[str], Any]) -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [name for name in script("training").TABLES if f"training.py --only {name}`" not in text] == []


def test_a_table_this_machine_cannot_make_says_why(script: Callable[[str], Any], tmp_path: Path) -> None:
    training = script("training")
    lacking, gone = training.lacking, Namespace(**{**vars(ASKED), "data": str(tmp_path / "rows.jsonl")})
    assert lacking(training.TABLES["two-gpus"], ASKED, 1) == "GPUs wanted: 2, found: 1"
    assert lacking(training.TABLES["two-gpus"], ASKED, 2) == ""
    assert "rows.jsonl missing" in lacking(training.TABLES["plan-shared"], gone, 1)


def test_unsloth_may_have_an_interpreter_of_its_own(script: Callable[[str], Any]) -> None:
    training, train = script("training"), script("train")
    said = training.command(training.TABLES["7b"], Namespace(**{**vars(ASKED), "python": "/a b/python"}))
    asked = train.parser().parse_args(shlex.split(said)[2:])
    assert train.python(train.mode("unsloth:batch=24", asked), asked) == "/a b/python"
    assert train.python(train.mode("trl", asked), asked) == sys.executable


def test_a_ratio_is_to_the_peer_with_as_many_rows_and_a_figure_is_a_median(script: Callable[[str], Any]) -> None:
    train = script("train")
    asked = train.parser().parse_args([])
    small, large, ours, other = (
        train.mode(text, asked) for text in ("trl", "trl:batch=16", "extune:batch=16", "extune:batch=48")
    )
    found = [{"tokens_per_second": rate, "peak_gb": 1.0} for rate in (900.0, 1000.0, 5000.0)]
    peers = {small: 100.0, large: 500.0}
    row = train.row(ours, found, peers, "")
    assert (row["tokens/s"], row["rounds"], row["ratio"]) == ("1,000", "900, 1,000, 5,000", "2.00 of trl")
    assert train.row(other, found, peers, "")["ratio"] == "10.00 of trl"
    assert train.row(large, found, peers, "")["ratio"] == "1"
    assert train.row(ours, found, {}, "")["ratio"] == ""


def test_a_peer_that_is_not_installed_has_a_row_and_one_that_fails_ends_with_1(
    script: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train = script("train")
    found = {"tokens_per_second": 10.0, "peak_gb": 0.0, "why": ""}
    monkeypatch.setattr(train, "lacking", lambda name, python: "unsloth" if name == "unsloth" else "")
    monkeypatch.setattr(train, "timed", lambda way, asked: None if way.name == "trl" else found)
    asked = train.parser().parse_args(["--modes", "unsloth", "extune"])
    assert train.table(asked) == 0
    assert "| unsloth, padding-free | 4 | not installed: unsloth |" in capsys.readouterr().out
    asked.modes += ["trl"]
    assert train.table(asked) == 1
    assert "| TRL, padded | 4 | failed |" in capsys.readouterr().out


def test_words_of_a_mode_reach_training_as_values(
    script: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, told = script("train"), []
    ended = subprocess.CompletedProcess([], 0, '{"tokens_per_second": 1}\n', "")
    monkeypatch.setattr(train.subprocess, "run", lambda command, **_: told.append(command) or ended)
    asked = train.parser().parse_args(["--base", "b"])
    assert train.timed(train.mode("extune:cache=false,recompute=all,steps=7", asked), asked) == {"tokens_per_second": 1}
    said = train.json.loads(told[0][2])
    assert said["speed"] == {"cache": False, "recompute": "all"}
    assert (said["steps"], said["mode"]) == (7, "extune")


def test_a_table_leaves_out_what_no_row_has(script: Callable[[str], Any]) -> None:
    rows = [{"a": 1, "b": "", "c": 0.5}, {"a": "", "b": "", "c": "x"}]
    assert script("measure").markdown(rows) == "| a | c |\n|---|---|\n| 1 | 0.5 |\n|  | x |"


def test_a_plan_that_is_off_by_more_than_it_may_be_is_marked(script: Callable[[str], Any]) -> None:
    share = script("plan").share
    assert share(Compared("seconds", 12.0, 10.0)) == "+20 %"
    assert share(Compared("peak_memory", 8.0, 10.0)) == "-20 % !"


def test_several_processes_are_held_against_one_of_the_same_round(script: Callable[[str], Any]) -> None:
    processes = script("processes")
    alone = [{"speed": speed, "peak": 0.0, "curve": [2.0, level]} for speed, level in ((10.0, 1.0), (20.0, 2.0))]
    two = [{"speed": speed, "peak": 0.0, "curve": [2.0, level]} for speed, level in ((30.0, 1.0), (30.0, 2.1))]
    row = processes.row("ddp", 2, two, alone)
    assert (row["tokens/s"], row["ratio"], row["loss curves apart"]) == ("30", "2.00", "5.00 %")
    assert processes.row("one process", 1, alone, alone)["loss curves apart"] == ""


def test_a_way_that_fails_leaves_the_others_their_rows(
    script: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    processes = script("processes")

    def run(asked: dict[str, Any], count: int) -> dict[str, Any]:
        if asked["way"] == "fsdp2":
            raise EnvironmentProblem("the GPU is full")
        return {"speed": 10.0 * count, "peak": 0.0, "curve": [1.0]}

    monkeypatch.setattr(processes, "run", run)
    asked = processes.parser().parse_args(["--ways", "fsdp2", "ddp", "--processes", "2", "--times", "2"])
    assert processes.table(asked, "base") == 1
    _, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:4]] for row in rows]
    assert cells == [["one process", "1", "10"], ["ddp", "2", "20"], ["fsdp2: failed", "", ""]]


@pytest.mark.integration
def test_the_trainers_are_timed_on_a_cpu() -> None:
    command = [sys.executable, "-W", "ignore", "benchmarks/train.py", "--shape", "tiny", "--steps", "3", "--batch", "1"]
    modes = ["--rows", "8", "--modes", "trl", "extune:cache=false,recompute=all"]
    done = subprocess.run([*command, *modes], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    head, _, trl, ours, *_ = done.stdout.splitlines()
    assert head == "| mode | rows a step | tokens/s | ratio |"
    assert trl.startswith("| TRL, padded | 1 | ")
    assert ours.startswith("| extune, `cache: false, recompute: all` | 1 | ")
    assert "2 of 2 layers recomputed" in done.stdout
