"""The stage around a training: what it is looked at with, and which figures its run has."""

import logging
from pathlib import Path
from typing import Any

import pytest

from extune.config import Config, load, parse
from extune.errors import ConfigError
from extune.schema import Schema
from extune.stages import stage, training
from extune.stages.training import _looking

DEV = '{"id": "a", "text": "Ann"}\n{"id": "b", "text": "Bob"}\n'


def config(**best: Any) -> Config:
    return parse({"data": {"source": "x"}, "train": {"best": best}})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two dev records."""
    (tmp_path / "data/records").mkdir(parents=True)
    (tmp_path / "data/records/dev.jsonl").write_text(DEV, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_model_is_asked_as_it_will_be_served(root: Path) -> None:
    schema = Schema(relations=("founded",))
    looking = _looking(config(every=5, patience=2, texts=1), root, schema)
    assert (looking.every, looking.patience) == (5, 2)
    assert [record.id for record in looking.records] == ["a"]
    assert looking.prompt.schema == schema


def test_an_empty_dev_set_is_refused_only_where_it_is_looked_at(root: Path) -> None:
    (root / "data/records/dev.jsonl").write_text("", encoding="utf-8")
    assert _looking(config(), root, Schema()) is None
    with pytest.raises(ConfigError, match=r"dev has no records to look at.*data\.split\.dev above 0"):
        _looking(config(every=5), root, Schema())


def test_patience_without_looks_is_said_to_have_no_effect(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert _looking(config(patience=3), root, Schema()) is None
    assert "train.best.patience has no effect" in caplog.text


def settings(**values: Any) -> Config:
    return parse({"data": {"source": "x"}, **values})


def test_a_training_says_which_options_have_no_effect(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    sft = {"max_steps": 2, "num_train_epochs": 3, "push_to_hub": True, "label_smoothing_factor": 0.1}
    given = {"method": "prefix", "lora": {"lora_dropout": 0.05, "r": 16}, "prefix": {"num_virtual_tokens": 4}}
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(training, "check", lambda config: None)  # which imports the libraries
        training._look_over(settings(train={**given, "sft": sft}))
    assert [record.getMessage() for record in caplog.records] == [
        "train.lora.lora_dropout has no effect with train.method=prefix",
        "train.sft.label_smoothing_factor has no effect: the loss is train/loss.py's own",
        "train.sft.push_to_hub has no effect: the adapter goes to models/adapter, the metrics to MLflow",
        "train.sft.num_train_epochs has no effect beside max_steps",
    ]


def test_a_training_by_params_yaml_has_nothing_to_say(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        training._look_over(load(Path(__file__).resolve().parents[2] / "params.yaml"))
    assert caplog.text == ""


def test_an_option_that_cannot_be_meant_stops_a_training_before_it_looks_for_anything(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.sft\.per_device_train_batch_size is 0"):
        stage("train")(settings(train={"sft": {"per_device_train_batch_size": 0}}), root)


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_looks_speed_and_the_machine_are_in_the_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.001")
    asked = load(project / "params.yaml", None, ["train.best.every=1 train.best.texts=3"])
    for name in ("base", "generate", "prepare", "build", "train"):
        done = stage(name)(asked, project)
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    known = client.get_run(done["run_id"]).data.metrics
    assert {"step.loss", "step.tokens_per_second", "step.dev.f1", "system/cpu_utilization_percentage"} <= set(known)
    assert known["step.tokens_per_second"] > 0
    assert [point.step for point in client.get_metric_history(done["run_id"], "step.dev.f1")] == [1, 2]
