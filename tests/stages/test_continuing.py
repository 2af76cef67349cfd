"""Where train.adapter lies: what is fetched for it, and what is refused in one line."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from extune.config import Config, parse
from extune.errors import ConfigError, ExtuneError, ModelError
from extune.stages.continuing import CONFIG, WEIGHTS, adapter_folder, to_plan_with

Asked = list[tuple[str, str | None, list[str]]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], Asked]:
    """The files of the one adapter that the hub has, and what was asked of it."""
    files, asked = {CONFIG, WEIGHTS, "adapter_model.bin", "README.md"}, Asked()

    def snapshot_download(name: str, *, revision: str | None, allow_patterns: list[str], **_: Any) -> str:
        asked.append((name, revision, allow_patterns))
        folder = tmp_path / "cache" / "snapshots" / (revision or "main")
        folder.mkdir(parents=True, exist_ok=True)
        for file in files.intersection(allow_patterns):
            (folder / file).write_text("{}", encoding="utf-8")
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return files, asked


def config(adapter: str | None) -> Config:
    return parse({"data": {"source": "x"}, "train": {"adapter": adapter}})


def folder(root: Path, name: str, files: tuple[str, ...] = (CONFIG, WEIGHTS)) -> Path:
    (root / name).mkdir(parents=True)
    for file in files:
        (root / name / file).write_text("{}", encoding="utf-8")
    return root / name


def found(given: str, root: Path) -> Path:
    return adapter_folder(given, root, root / "scratch")


def test_a_folder_is_taken_where_it_is(tmp_path: Path, hub: tuple[set[str], Asked]) -> None:
    there = folder(tmp_path, "lora/old")
    assert found("lora/old", tmp_path) == found(str(there), tmp_path / "elsewhere") == there
    assert hub[1] == []


@pytest.mark.parametrize("revision", [None, "v2", "a" * 40])
def test_of_an_adapter_on_the_hub_nothing_pickled_is_fetched(
    tmp_path: Path, hub: tuple[set[str], Asked], revision: str | None
) -> None:
    there = found("owner/some-lora" + (f"@{revision}" if revision else ""), tmp_path)
    assert {path.name for path in there.iterdir()} == {CONFIG, WEIGHTS}
    assert hub[1] == [("owner/some-lora", revision, [CONFIG, WEIGHTS, "extractor.json"])]


def test_a_plan_fetches_the_configuration_alone(tmp_path: Path, hub: tuple[set[str], Asked]) -> None:
    planned = to_plan_with(config("owner/some-lora"), tmp_path, tmp_path / "scratch")
    assert [path.name for path in Path(planned.train.adapter or "").iterdir()] == [CONFIG]
    assert to_plan_with(config(None), tmp_path, tmp_path) == config(None)


REFUSED = {
    "pickled": ("owner/some-lora", r"owner/some-lora has no adapter_model.safetensors \(pickled weights"),
    "several": ("lora/a,lora/b", r"are several, and one adapter is trained on.*extune merge FIRST FOLDER"),
    "a file of a folder": ("lora/a/checkpoint", r"is no folder\. Set train.adapter to a folder, models:/NAME/N or"),
    "its own": ("models/adapter", r"is what this stage writes\. Use models:/NAME/N"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_on_is_one_line(tmp_path: Path, hub: tuple[set[str], Asked], case: str) -> None:
    hub[0].discard(WEIGHTS)
    folder(tmp_path, "models/adapter")
    given, told = REFUSED[case]
    with pytest.raises(ExtuneError, match=told) as info:
        found(given, tmp_path)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("files", [(), (CONFIG,), (WEIGHTS,)])
def test_a_plan_refuses_a_folder_without_an_adapter(tmp_path: Path, files: tuple[str, ...]) -> None:
    folder(tmp_path, "lora/old", files)
    with pytest.raises(ModelError, match="lora/old has no adapter_"):
        to_plan_with(config("lora/old"), tmp_path, tmp_path)


def test_a_plan_refuses_what_training_would(tmp_path: Path, extune: Callable[..., Any]) -> None:
    for name in ("params.yaml", "MLproject"):
        (tmp_path / name).write_bytes((Path(__file__).parents[2] / name).read_bytes())
    for given, told in (("lora/a,lora/b", "extune merge FIRST"), ("./nowhere", "is no folder")):
        done = extune(tmp_path, "plan", "--device", "cpu", "--set", f"train.adapter={given}")
        (line,) = [line for line in done.err.splitlines() if line.startswith("extune: ")]
        assert done.code == 2
        assert re.search(told, line)


@pytest.mark.integration
def test_a_version_is_looked_for_in_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from extune import registry, tracking

    there = folder(tmp_path, "scratch")
    monkeypatch.setattr(tracking, "connect", lambda root: None)
    monkeypatch.setattr(registry, "adapter_of", lambda uri, scratch: scratch if uri == "models:/mine/3" else None)
    assert found("models:/mine/3", tmp_path) == there
    with pytest.raises(ConfigError, match="is no folder"):
        found("models:mine", tmp_path)
