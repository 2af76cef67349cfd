"""A training is continued only by the same one: whatever decides what is learned is in its name, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from extune.config import Config, parse
from extune.sections import Train
from extune.stages.identity import CODE, checkpoint_folder

NOTE = {"name": "embedded", "fingerprint": "f"}
ROOT = Path(__file__).parents[2]


def config(**train: Any) -> Config:
    return parse({"data": {"source": "x"}, "train": {"processes": 1, **train}})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with rows to train on, and an adapter."""
    for name in ("sft/train.jsonl", "sft/dev.jsonl", "records/dev.jsonl", "records/schema.yaml"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(name, encoding="utf-8")
    (tmp_path / "had").mkdir()
    (tmp_path / "had/adapter_model.safetensors").write_bytes(b"one")
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_how_often_it_is_kept_does_not_matter_and_what_it_learns_from_does(root: Path) -> None:
    before = checkpoint_folder(config(), root, NOTE)
    assert checkpoint_folder(config(checkpoint={"steps": 3}), root, NOTE) == before
    assert checkpoint_folder(config(lora={"r": 3}), root, NOTE) != before
    (root / "data/sft/train.jsonl").write_text("other", encoding="utf-8")
    assert checkpoint_folder(config(), root, NOTE) != before


def test_an_adapter_that_is_trained_on_counts_by_its_content(root: Path) -> None:
    asked = config(adapter="had")
    before = checkpoint_folder(asked, root, NOTE)
    (root / "had").rename(root / "moved")
    assert checkpoint_folder(config(adapter="moved"), root, NOTE) == before
    (root / "moved/adapter_model.safetensors").write_bytes(b"two")
    assert checkpoint_folder(config(adapter="moved"), root, NOTE) != before


@pytest.mark.integration
def test_an_alias_counts_as_the_version_it_stands_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from extune import registry, tracking

    moved = iter(("1", "1", "2"))
    monkeypatch.setattr(tracking, "connect", lambda root: None)
    monkeypatch.setattr(registry, "resolve", lambda client, uri: ("mine", next(moved)))
    one, same, other = (checkpoint_folder(config(adapter="models:/mine@champion"), root, NOTE) for _ in range(3))
    assert one == same != other


def test_the_dev_records_count_only_where_the_best_weights_are_looked_for(root: Path) -> None:
    plain, looking = config(), config(best={"every": 5})
    before = [checkpoint_folder(each, root, NOTE) for each in (plain, looking)]
    (root / "data/records/dev.jsonl").write_text("other", encoding="utf-8")
    after = [checkpoint_folder(each, root, NOTE) for each in (plain, looking)]
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)


def test_dvc_trains_again_for_what_changes_the_result_and_not_for_how_often_it_is_kept() -> None:
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]
    named = {name.removeprefix("train.") for name in stage["params"] if name.startswith("train.")}
    assert named == set(Train.model_fields) - {"checkpoint"}
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert named <= set(params["train"]), "DVC refuses a parameter that is not there"
    assert {f"src/extune/{name}" for name in CODE if name != "footprint"} <= set(stage["deps"])


def test_parts_of_a_model_count_where_there_are_several_processes_and_with_deepspeeds_file(root: Path) -> None:
    (root / "zero.json").write_text("{}", encoding="utf-8")

    def folder(count: int, rows: int = 4, **sft: Any) -> Path:
        batch = {"per_device_train_batch_size": rows // count}
        return checkpoint_folder(config(processes=count, sft={**sft, **batch}), root, NOTE)

    assert folder(1) == folder(2), "copies read each other's checkpoints"
    for way in ({"fsdp": True}, {"deepspeed": "zero.json"}):
        assert folder(1, **way) != folder(2, **way)
    before = folder(2, deepspeed="zero.json")
    (root / "zero.json").write_text('{"zero_optimization": {"stage": 3}}', encoding="utf-8")
    assert folder(2, deepspeed="zero.json") != before
