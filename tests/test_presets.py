"""Every preset takes real data of its kind through prepare and build, and trains a few steps on a tiny base."""

import json
import os
import shutil
from pathlib import Path

import pytest

from extune.config import load
from extune.stages import stage
from extune.stages.data import build, prepare

ROOT = Path(__file__).resolve().parents[1]

SOURCES = {
    "chatglm-triples": "conll04",
    "chatglm3-docqa": "cmrc2018",
    "conll04": "conll04",
    "msra-ner": "msra_ner",
    "cti-kg": "ctinexus",
    "baichuan-msra": "msra_ner",
    **{
        f"iepile-{task.lower()}": f"deepke_samples/InstructKGC_data_{task}_sample.json"
        for task in ("NER", "RE", "SPO", "EE", "EET", "EEA", "KG")
    },
}


def source(real_data: Path, preset: str, folder: Path) -> None:
    """A small part of the real data as `mine` in the folder, with the schema that belongs to it."""
    given = real_data / SOURCES[preset]
    (folder / "mine").mkdir()
    if given.is_dir():
        for split in ("train", "dev", "test"):
            lines = (given / f"{split}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:30]
            (folder / "mine" / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
        return
    shutil.copy(given, folder / "mine" / "train.json")
    shutil.copy(given.with_name(given.name.replace("sample", "schema")), folder / "mine" / "schema.json")


def test_every_preset_is_tried() -> None:
    assert set(SOURCES) == {path.stem for path in (ROOT / "presets").glob("*.yaml")}


@pytest.mark.parametrize("preset", SOURCES)
def test_real_data_becomes_training_rows(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    source(real_data, preset, tmp_path)
    for name in ("params.yaml", "MLproject", "presets"):
        os.symlink(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    config = load(
        tmp_path / "params.yaml", preset, ["data.source=mine data.split.dev=0 data.split.test=0 data.reader=auto"]
    )

    prepared, built = prepare(config, tmp_path), build(config, tmp_path)

    rows = [json.loads(line) for line in (tmp_path / "data/sft/train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert prepared["quarantined"] == 0
    assert len(rows) == built["train"] > 0
    assert any(row["completion"][0]["content"] not in ("", "没有", "none") for row in rows)


FEW = (
    "data.source=mine data.split.dev=0 data.split.test=0 data.reader=auto model.trust_remote_code=false "
    "train.sft.max_steps=2 train.sft.max_length=8192 train.sft.gradient_accumulation_steps=1 train.max_dropped=1 "
    "train.sft.per_device_train_batch_size=1 train.lora.target_modules=all-linear"
)


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("preset", SOURCES)
def test_real_data_trains_a_few_steps(real_data: Path, project: Path, tiny_base: Path, preset: str) -> None:
    """On a base that needs no download: the presets' own ones do."""
    source(real_data, preset, project)
    os.symlink(ROOT / "presets", project / "presets")
    config = load(project / "params.yaml", preset, [f"{FEW} model.base={tiny_base}"])

    done = {name: stage(name)(config, project) for name in ("base", "prepare", "build", "train")}

    assert done["train"]["steps"] == 2
    assert (project / "models/adapter/adapter_model.safetensors").is_file()
