"""The main job from end to end on a tiny random base: text to a registered, measured, loadable version."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extune.config import load
from extune.errors import CheckFailed, ModelError, TrackingError
from extune.stages import stage

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

DATA = ("base", "generate", "prepare", "build")
TEXT = "Ann Lee works for Bolt Robotics."


def pipeline(root: Path, *names: str) -> dict[str, Any]:
    config = load(root / "params.yaml")
    return {name: stage(name)(config, root) for name in names}


@pytest.fixture
def client(project: Path) -> Any:
    from extune.tracking import connect

    return connect(project, "extune")


def test_text_becomes_a_version_that_loads_by_number_alias_stage_and_latest(project: Path, client: Any) -> None:
    import extune
    from extune.registry import promote

    done = pipeline(project, *DATA, "train", "register")
    with pytest.raises(CheckFailed, match="extune/1 has no evaluation"):
        promote(client, "extune", "1", "Production", "too early")
    figures = pipeline(project, "evaluate")["evaluate"]
    assert figures["test"]["invented_spans"] == 0
    assert promote(client, "extune", "1", "Production", "first")["aliases"] == ["production", "champion"]

    extractions = []
    for address in ("1", "latest", "Production", "production"):
        extractions.append(extune.load(f"models:/extune/{address}").extract(TEXT))
    extractions.append(extune.load("models:/extune@champion").extract(TEXT))
    assert {e.model for e in extractions} == {"extune/1"}
    assert len({e.raw for e in extractions}) == 1
    assert extune.load("models/adapter").extract(TEXT).raw == extractions[0].raw
    with pytest.raises(TrackingError, match="The registry has versions 1"):
        extune.load("models:/extune/9")

    promote(client, "extune", "1", "Staging", "back")
    assert set(client.get_registered_model("extune").aliases) == {"staging"}
    with pytest.raises(TrackingError, match="no model 'models:/extune/99'"):
        promote(client, "extune", "99", "Staging", "no such version")

    tags = client.get_model_version("extune", "1").tags
    assert {"promoted.by", "promoted.at", "promoted.why", "adapter.sha256", "base.fingerprint"} <= set(tags)
    run = client.get_run(done["train"]["run_id"])
    assert {"test.f1", "train.train_loss"} <= set(run.data.metrics)
    assert {"lora.r", "model.fingerprint", "prompt.version"} <= set(run.data.params)
    assert [i.dataset.name for i in run.inputs.dataset_inputs]
    assert "<html" in (project / "reports" / "index.html").read_text(encoding="utf-8")
    kept = {Path(item.path).name for item in client.list_artifacts(run.info.run_id, "evaluation/extune/1")}
    assert {"calibration.json", "evaluation.json", "test.jsonl"} <= kept
    assert (project / "plots" / "threshold.csv").read_text(encoding="utf-8").startswith("threshold,precision")


def test_a_version_holds_the_adapter_and_code_but_no_base_no_pickle_and_no_path(
    project: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import pandas

    pipeline(project, *DATA, "train", "register")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    folder = Path(mlflow.artifacts.download_artifacts("models:/extune/1", dst_path=str(project / "got")))
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert "adapter_model.safetensors" in names
    assert "model.safetensors" not in names
    assert not [name for name in names if name.endswith((".pkl", ".bin", ".pt"))]
    assert str(project) not in (folder / "artifacts" / "adapter" / "extractor.json").read_text().replace(
        json.loads((project / "params.yaml").read_text())["model"]["base"], ""
    )
    model = mlflow.pyfunc.load_model("models:/extune/1")
    assert {param.name for param in model.metadata.signature.params} == {"max_new_tokens", "batch_size", "constrained"}
    rows = model.predict(
        pandas.DataFrame([{"text": TEXT, "id": "a"}, {"text": "短", "id": "b"}]), {"max_new_tokens": 30}
    )
    assert [json.loads(row)["id"] for row in rows] == ["a", "b"]


def test_two_versions_in_one_process_each_run_their_own_code(project: Path, client: Any) -> None:
    import extune

    pipeline(project, *DATA, "train", "register")
    changed = project / "changed"
    source = Path(extune.__file__).parent
    shutil.copytree(source, changed / "extune", ignore=shutil.ignore_patterns("__pycache__"))
    answering = changed / "extune" / "answering.py"
    marked = answering.read_text(encoding="utf-8").replace(
        "ensure_ascii=False)", 'ensure_ascii=False).replace("{", "{\\"v\\": 2, ", 1)'
    )
    answering.write_text(marked, encoding="utf-8")
    program = (
        "from pathlib import Path; from extune.config import load; from extune.stages import stage; import extune;"
        "c = load('params.yaml', overrides=['train.sft.max_steps=1']); r = Path.cwd();"
        "[stage(n)(c, r) for n in ('train', 'register')]"
    )
    environment = {**__import__("os").environ, "PYTHONPATH": str(changed)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, env=environment, capture_output=True)

    import mlflow
    import pandas

    models = [mlflow.pyfunc.load_model(f"models:/extune/{n}") for n in (1, 2)]
    answers = [json.loads(m.predict(pandas.DataFrame([{"text": TEXT}]))[0]) for m in (*models, models[0])]
    assert ["v" in answer for answer in answers] == [False, True, False]


def test_after_the_store_is_deleted_the_adapter_is_registered_again(project: Path, client: Any) -> None:
    first = pipeline(project, *DATA, "train", "register")["register"]
    again = pipeline(project, "register")["register"]
    assert again["version"] == first["version"], "registering twice makes one version"
    other = load(project / "params.yaml", overrides=["decode.max_new_tokens=20"])
    assert stage("register")(other, project)["version"] == 2, "another decoding makes another version"
    assert pipeline(project, "register")["register"]["version"] == 1
    (project / "mlflow.db").unlink()
    shutil.rmtree(project / "mlartifacts")
    lost = command("evaluate")
    assert lost.returncode == 3
    assert "dvc repro -f -s register" in lost.stderr
    assert "Traceback" not in lost.stderr
    done = command("register", "--json")
    fresh = json.loads(done.stdout)
    assert fresh["run_id"] != first["run_id"]
    assert json.loads(command("evaluate", "--json").stdout)["version"] == 1


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    """The command line in a process of its own, since MLflow keeps a store open for as long as it lives."""
    program = [sys.executable, "-m", "extune", *words]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def test_another_base_than_the_adapters_own_is_refused(
    project: Path, client: Any, tiny_base: Path, tmp_path: Path
) -> None:
    import extune

    pipeline(project, *DATA, "train")
    other = tmp_path / "other"
    shutil.copytree(tiny_base, other)
    (other / "generation_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is not the one the adapter was trained on"):
        extune.load("models/adapter", base=str(other))
    with pytest.raises(ModelError, match=r"no model in .*config.json"):
        extune.load("models/adapter", base=str(tmp_path))


def test_seed_000s_interface_gives_lines_of_triples(project: Path, client: Any, tiny_base: Path) -> None:
    from extune import TripletExtractor
    from extune.notations.triple_syntax import parse_triples

    pipeline(project, *DATA, "train")
    extractor = TripletExtractor(base_model_path=str(tiny_base), lora_model_path="models/adapter")
    results = extractor.batch_extract([TEXT, "腾讯总部位于深圳。"])
    assert len(results) == 2
    assert results[0] == extractor.extract_triplets(TEXT)
    for text, result in zip([TEXT, "腾讯总部位于深圳。"], results, strict=True):
        assert all(h in text and t in text for h, _, t in parse_triples(result))
