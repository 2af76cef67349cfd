"""Evaluation of registered versions: calibrated when served, measured as generated, again and on other data."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from extune.calibration import Calibration, apply, to_json
from extune.config import load
from extune.errors import ConfigError, TrackingError
from extune.files import read_jsonl, write_json
from extune.stages import stage

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]
TEXT = "Ann Lee works for Bolt Robotics."
OWN = ("metrics", "plots", "reports")


def run(root: Path, *names: str, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    config = load(root / "params.yaml", overrides=overrides)
    return [stage(name)(config, root) for name in names][-1]


def command(*words: str) -> Any:
    from extune.cli import app

    return CliRunner().invoke(app, words)


def told(*words: str) -> dict[str, Any]:
    done = command(*words, "--json")
    assert done.exit_code == 0, done.output or done.exception
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def files(root: Path) -> dict[str, str]:
    paths = (path for name in OWN for path in (root / name).rglob("*") if path.is_file())
    return {str(path): hashlib.md5(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture
def client(project: Path) -> Any:
    from extune.tracking import connect

    return connect(project, "extune")


@pytest.fixture
def evaluated(project: Path, client: Any) -> dict[str, Any]:
    """Two versions of one adapter, the second evaluated last; models/registered.json of the first."""
    run(project, "base", "generate", "prepare", "build", "train")
    first = run(project, "register")
    run(project, "evaluate")
    other = ("decode.max_new_tokens=20",)
    assert run(project, "register", overrides=other)["version"] == 2
    run(project, "evaluate", overrides=other)
    return first


def sure_of(extraction: Any) -> list[float]:
    return list(extraction.confidence.values())


def test_an_evaluated_version_serves_calibrated_confidences_and_is_measured_on_its_own(
    project: Path, client: Any, evaluated: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import pandas

    import extune
    from extune.evaluation import calibration, figures

    fitted = Calibration("platt", 2.0, -1.0)
    write_json(tmp_path / "calibration.json", to_json(fitted))
    client.log_artifact(evaluated["run_id"], str(tmp_path / "calibration.json"), "evaluation/extune/1")
    assert calibration(client, "extune", "1")["offset"] == -1.0

    plain = sure_of(extune.load("models/adapter").extract(TEXT))
    assert plain
    served = sure_of(extune.load("models:/extune/1").extract(TEXT))
    assert served == pytest.approx(apply(fitted, plain).tolist(), abs=1e-6)
    assert served != plain

    rows = pandas.DataFrame([{"text": TEXT}])
    given = {"calibration": to_json(fitted)}
    by_itself, told_so = (
        json.loads(mlflow.pyfunc.load_model("models:/extune/1", model_config=config).predict(rows)[0])
        for config in (None, given)
    )
    assert [item["confidence"] for item in by_itself["relations"]] == plain
    assert [item["confidence"] for item in told_so["relations"]] == served

    monkeypatch.setenv("MLFLOW_PYFUNC_INFERENCE_CONFIG", json.dumps(given))
    (by_server,) = mlflow.pyfunc.load_model("models:/extune/1").predict(rows)
    assert json.loads(by_server) == told_so

    before = figures(client, "extune", "1", "test").metrics["test.ece"]
    assert told("evaluate", "--model", "models:/extune/1")["version"] == 1
    assert figures(client, "extune", "1", "test").metrics["test.ece"] == before, (
        "what was calibrated once is not calibrated again"
    )
    assert calibration(client, "extune", "1")["offset"] != -1.0, "the new evaluation's own"


def test_an_older_version_is_measured_on_new_data_and_the_pipelines_files_stay(
    project: Path, client: Any, evaluated: dict[str, Any]
) -> None:
    from extune.evaluation import figures

    before = files(project)
    path = project / "data" / "records" / "test.jsonl"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(True)[:5]), encoding="utf-8")
    md5 = hashlib.md5(path.read_bytes()).hexdigest()

    done = told("evaluate", "--model", "models:/extune/1", "--set", "evaluate.splits=[test]")
    assert (done["version"], done["report"]) == (1, "trials/extune-1/reports/index.html")
    assert "extune/1" in (project / done["report"]).read_text(encoding="utf-8")
    assert "Training loss from" in (project / done["report"]).read_text(encoding="utf-8")
    assert files(project) == before
    assert not (project / ".cache" / "seconds.json").is_file(), "no stage of the pipeline ran"

    tags = {number: client.get_model_version("extune", number).tags for number in ("1", "2")}
    assert tags["1"]["extune.evaluated"] == md5 != tags["2"]["extune.evaluated"]
    assert tags["1"]["test.f1"] == str(done["test"]["f1"])
    old, new = (figures(client, "extune", number, "test") for number in ("1", "2"))
    assert (old.data, len(old.documents), len(new.documents)) == (md5, 5, 8)
    table = client.download_artifacts(evaluated["run_id"], "predictions_test.json")
    shown = json.loads(Path(table).read_text(encoding="utf-8"))
    assert [row[0] for row in shown["data"]] == [row["id"] for row in read_jsonl(path)]
    kept = {Path(item.path).name for item in client.list_artifacts(evaluated["run_id"], "evaluation/extune/1")}
    assert "calibration.json" in kept, "that of the evaluation with dev"

    assert isinstance(command("evaluate", "--model", "models:/extune/9").exception, TrackingError)
    assert isinstance(command("evaluate", "--model", "models/adapter").exception, TrackingError)
    client.set_model_version_tag("extune", "1", "task", "NER")
    wrong = command("evaluate", "--model", "models:/extune/1").exception
    assert isinstance(wrong, ConfigError)
    assert "extune/1 answers NER, and data/records were prepared for RE" in str(wrong)


def test_a_run_has_the_chosen_parameters_alone_and_its_models_as_outputs(
    project: Path, client: Any, evaluated: dict[str, Any]
) -> None:
    kept = client.get_run(evaluated["run_id"])
    assert not {"base_path", "batch_size", "constrained", "max_new_tokens", "calibration"} & set(kept.data.params)
    assert len(client.search_runs([kept.info.experiment_id])) == 1, "nothing was logged to a run of its own"
    outputs = {output.model_id for output in kept.outputs.model_outputs}
    sources = {str(client.get_model_version("extune", n).source).rpartition("/")[2] for n in ("1", "2")}
    assert outputs == sources
    for model_id in sources:
        model = client.get_logged_model(model_id)
        assert (model.name, model.source_run_id, model.params) == ("extractor", evaluated["run_id"], kept.data.params)
        assert math.isfinite(next(metric.value for metric in model.metrics if metric.key == "test.f1"))
    assert client.get_model_version("extune", "1").run_id == evaluated["run_id"]
