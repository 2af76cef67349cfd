"""Robustness and before/after as a user calls them: which version they try, on which texts, and what they leave."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import extune.api
from extune.artefact import read_spec, write_spec
from extune.cli import app
from extune.config import load
from extune.errors import ConfigError, DataError, ModelError
from extune.extract import Answer, Extractor
from extune.files import write_json, write_jsonl
from extune.records import Record, Relation, record_to_json
from extune.robustness import NAMES
from extune.schema import Schema
from extune.trials import TRIALS, gold, publish, spec_of, version_of

PROJECT = Path(__file__).resolve().parents[1]
SCHEMA = Schema(relations=("works for", "lives in"))
RECORDS = [
    Record(str(n), f"{name} works for Bolt.", "en", relations=(Relation(name, "works for", "Bolt"),))
    for n, name in enumerate(("Ann", "Bob", "Cy"))
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three test and train records and an adapter folder without an adapter."""
    for name in ("params.yaml", "MLproject"):
        shutil.copy(PROJECT / name, tmp_path / name)
    for split in ("train", "test"):
        write_jsonl(tmp_path / "data" / "records" / f"{split}.jsonl", map(record_to_json, RECORDS))
    write_spec(tmp_path / "adapter", load(tmp_path / "params.yaml"), SCHEMA, "f" * 64)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_version_tried_is_the_one_given_the_one_registered_or_the_latest(root: Path) -> None:
    config = load(root / "params.yaml")
    assert version_of(root, config, None) == "models:/extune/latest"
    write_json(root / "models" / "registered.json", {"name": "own", "version": 3})
    assert version_of(root, config, None) == "models:/own/3"
    assert version_of(root, config, "models:/extune@champion") == "models:/extune@champion"


def test_the_texts_are_the_first_of_a_split_and_of_the_models_task(root: Path) -> None:
    assert gold(root, "test", 2, "RE", "RE") == RECORDS[:2]
    with pytest.raises(ConfigError, match="the model answers NER, and data/records were prepared for RE"):
        gold(root, "test", None, "RE", "NER")
    with pytest.raises(DataError, match="file not found"):
        gold(root, "nowhere", None, "RE", "RE")
    write_jsonl(root / "data" / "records" / "dev.jsonl", [])
    with pytest.raises(DataError, match=r"dev.jsonl: no records"):
        gold(root, "dev", None, "RE", "RE")


@pytest.mark.integration
def test_an_adapter_folder_tells_its_own_spec_and_has_no_run(root: Path) -> None:
    assert spec_of("adapter", "adapter") == read_spec(root / "adapter")
    assert publish(root, load(root / "params.yaml"), "adapter", root / "x.json", {}) is None


@pytest.fixture
def told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model answers every text alike."""

    def answer(chats: Any, grammars: Any) -> list[Answer]:
        return [Answer("(Ann, works for, Bolt)") for _ in chats]

    extractor = Extractor(answer, read_spec(root / "adapter").prompt, model="adapter")
    monkeypatch.setattr(extune.api, "load", lambda *_, **__: extractor)


@pytest.mark.usefixtures("told")
def test_robustness_prints_a_table_or_json_and_leaves_the_report(root: Path) -> None:
    words = ["robustness", "--model", "adapter", "--only", "typo", "--only", "distractors", "--limit", "2"]
    done = CliRunner().invoke(app, words)
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["clean", "2"], ["typo", "2"], ["distractors", "2"],
    ]  # fmt: skip
    kept = json.loads((root / TRIALS / "robustness.json").read_text(encoding="utf-8"))
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert told == kept | {"run_id": None}
    assert (kept["model"], kept["split"], kept["documents"], kept["clean"]["f1"]) == ("adapter", "test", 2, 0.5)


def test_an_unknown_disturbance_is_refused_before_a_model_is_looked_for(root: Path) -> None:
    error = CliRunner().invoke(app, ["robustness", "--model", "nowhere", "--only", "noise"]).exception
    assert isinstance(error, ConfigError)
    assert "no disturbance 'noise'" in str(error)


def trained(*stages: str) -> Any:
    from extune.stages import stage

    config = load(Path("params.yaml"))
    return [stage(name)(config, Path.cwd()) for name in stages][-1]


DATA = ("base", "generate", "prepare", "build", "train")


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_a_registered_version_is_disturbed_and_held_against_its_base_and_its_run_keeps_both(project: Path) -> None:
    from extune.tracking import connect

    version = trained(*DATA, "register")
    robust = json.loads(_invoke("robustness", "--limit", "2", "--json"))
    assert (robust["model"], robust["documents"]) == ("extune/1", 2)
    assert [row["name"] for row in robust["variants"]] == list(NAMES)
    before = json.loads(_invoke("before-after", "--limit", "2", "--shots", "1", "--json"))
    assert len(before["examples"]) == 1

    client = connect(project, "extune")
    metrics = client.get_run(version["run_id"]).data.metrics
    assert {"robustness.paraphrase_1.drop", "before_after.base.f1", "before_after.tuned.parse_rate"} <= set(metrics)
    names = {item.path for item in client.list_artifacts(version["run_id"], "report")}
    assert {"report/robustness.json", "report/before_after.json"} <= names
    assert robust["run_id"] == before["run_id"] == version["run_id"]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_folder_is_held_against_its_base(project: Path) -> None:
    trained(*DATA)
    lines = _invoke("before-after", "--model", "models/adapter", "--limit", "3").splitlines()
    assert [line[:28].strip() for line in lines[1:]] == [
        "base, free", "base, constrained", "base, constrained, examples", "tuned",
    ]  # fmt: skip
    report = json.loads((project / TRIALS / "before_after.json").read_text(encoding="utf-8"))
    systems = {row["name"]: row for row in report["systems"]}
    assert systems["base_constrained"]["invented_spans"] == systems["tuned"]["invented_spans"] == 0
    assert report["documents"] == 3
    with pytest.raises(ModelError, match="no model in"):
        CliRunner().invoke(app, ["before-after", "--model", "models/adapter", "--base", "data"], catch_exceptions=False)


def _invoke(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout
