"""Checkpoints as folders: whole or absent, hashed, of one training only, written by one process at a time."""

import errno
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from extune import checkpoints
from extune.errors import EnvironmentProblem


def fill(text: str = "weights") -> Callable[[Path], None]:
    return lambda folder: [(folder / name).write_text(text) for name in ("a", "b")] and None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / checkpoints.FOLDER / "abc"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_ones_stay_and_the_newest_is_continued(folder: Path) -> None:
    for step in (1, 2, 10):
        checkpoints.write(folder, step, 2, fill())
    assert names(folder) == ["step-00000002", "step-00000010"]
    newest = checkpoints.latest(folder)
    assert newest is not None
    assert checkpoints.step_of(newest) == 10
    assert names(newest) == ["a", "b", "complete", "manifest.json"]


@pytest.mark.parametrize("name", ["a", "complete", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "gone", "flip"])
def test_a_damaged_one_is_passed_over_with_a_warning(
    folder: Path, name: str, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints.write(folder, 1, 2, fill())
    hurt = checkpoints.write(folder, 2, 2, fill()) / name
    whole = hurt.read_bytes()
    hurt.write_bytes({"cut": whole[:-1], "gone": b"", "flip": bytes([whole[0] ^ 1]) + whole[1:]}[harm])
    if harm == "gone":
        hurt.unlink()
    newest = checkpoints.latest(folder)
    assert newest is not None
    assert newest.name == "step-00000001"
    assert "step-00000002 is passed over" in caplog.text


def test_one_of_another_training_is_never_continued(folder: Path) -> None:
    made = checkpoints.write(folder, 1, 2, fill())
    other = folder.with_name("def")
    other.mkdir()
    made.rename(other / made.name)
    assert checkpoints.latest(other) is None


def test_what_decides_the_result_decides_the_identity(tmp_path: Path) -> None:
    parts = {"train": {"lr": 1e-3, "r": 4}, "seed": 1}
    assert checkpoints.identity(parts) == checkpoints.identity({"seed": 1, "train": {"r": 4, "lr": 1e-3}})
    assert checkpoints.identity(parts) != checkpoints.identity({**parts, "seed": 2})
    (tmp_path / "x.py").write_text("a = 1\n")
    before = checkpoints.code_version({"x": tmp_path})
    (tmp_path / "x.py").write_text("a = 2\n")
    assert checkpoints.code_version({"x": tmp_path}) != before


def test_a_full_disk_at_any_moment_leaves_the_old_one_and_no_half(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.write(folder, 1, 2, fill("old"))
    real, failures = os.fsync, 0
    for allowed in range(100):
        calls = iter(range(allowed))

        def full(handle: int) -> None:
            if next(calls, None) is None:  # noqa: B023 - called within the round
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        monkeypatch.setattr(os, "fsync", full)
        try:
            checkpoints.write(folder, 2, 2, fill("new"))
            break
        except OSError:
            failures += 1
            found = checkpoints.latest(folder)
            assert found is not None
            assert [name for name in names(folder) if name.startswith(".")] == []
    monkeypatch.undo()
    assert failures > 4
    assert names(folder) == ["step-00000001", "step-00000002"]


def test_trainings_with_other_settings_are_set_aside_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints.write(folder, 1, 2, fill())
    (folder / ".step-00000002.unfinished").mkdir()
    with caplog.at_level(logging.WARNING):
        checkpoints.tidy(folder)
        assert caplog.text == ""
        checkpoints.tidy(folder.with_name("other"))
    assert "1 unfinished training(s)" in caplog.text
    assert names(folder) == ["step-00000001"]


def test_what_a_training_without_a_checkpoint_left_goes_with_the_next_one(folder: Path) -> None:
    checkpoints.settled(folder.with_name("other"), "dtype", "float32")
    checkpoints.settled(folder, "dtype", "float32")
    checkpoints.tidy(folder)
    assert names(folder.parent) == ["abc"]


def test_what_is_settled_stays_unless_it_is_settled_anew(folder: Path) -> None:
    assert checkpoints.settled(folder, "most_tokens", 256) == 256
    assert checkpoints.settled(folder, "most_tokens", 512) == 256
    checkpoints.settle(folder, "most_tokens", 128)
    assert checkpoints.settled(folder, "most_tokens", 256) == 128
    assert checkpoints.settled(folder, "dtype", "float32") == "float32"


def test_a_second_trainer_is_refused_at_once_and_told_the_first_ones_pid(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from extune.checkpoints import alone\n"
        "with alone(Path(sys.argv[1])):\n print('held', flush=True); time.sleep(600)"
    )
    first = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(EnvironmentProblem, match=f"pid {first.pid} ") as caught, checkpoints.alone(tmp_path):
            pass
        assert caught.value.exit_code == 3
    finally:
        first.kill()
        first.communicate()
    with checkpoints.alone(tmp_path):  # the dead one's lock is no lock, whatever it left behind
        holder = json.loads((tmp_path / checkpoints.FOLDER / ".holder.json").read_text())
        assert holder["pid"] == os.getpid()
