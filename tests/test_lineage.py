"""What a run was made from: hashes, commit, versions."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from extune import lineage
from extune.lineage import LIBRARIES, git_state, library_versions, md5

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one committed file."""
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "a.txt")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**os.environ, **who, **alone},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_hash_of_a_file_is_the_one_dvc_writes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello\n")
    assert md5(tmp_path / "a") == "b1946ac92492d2347c6235b4d2611184"


@needs_git
def test_a_commit_is_dirty_when_a_tracked_file_has_changed_and_only_then(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "untracked.txt").write_text("y", encoding="utf-8")
    assert git_state(repository) == {"git.commit": commit, "git.dirty": "false"}

    (repository / "a.txt").write_text("changed", encoding="utf-8")
    assert git_state(repository) == {"git.commit": commit, "git.dirty": "true"}


@needs_git
def test_a_folder_without_a_commit_has_no_state(tmp_path: Path) -> None:
    assert git_state(tmp_path) == {}
    git(tmp_path, "init", "--quiet")
    assert git_state(tmp_path) == {}


@needs_git
def test_a_machine_without_git_has_no_state(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert git_state(repository) == {}


def test_the_version_of_every_library_that_decides_the_result_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "version", lambda name: f"{name} 1.0")
    assert library_versions() == {name: f"{name} 1.0" for name in LIBRARIES}
    assert {"torch", "transformers", "peft", "trl", "mlflow", "extune"} <= set(LIBRARIES)
