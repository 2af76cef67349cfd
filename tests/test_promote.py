"""`promote` and `compare` over a registry: versions with evaluations of known quality, without a model."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extune.errors import CheckFailed, TrackingError
from extune.extract import Extraction
from extune.files import write_jsonl
from extune.records import Entity, Record
from extune.sections import Gate
from extune.tasks import task

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]
NER = task("NER")
NAMES = ("Ada", "Bo", "Cy", "Dee")
GATE = Gate(floors={"test.f1": 0.3}, max_label_drop=0.5)
Add = Callable[..., str]


@pytest.fixture
def client(project: Path) -> Any:
    from extune.tracking import connect

    return connect(project, "extune")


@pytest.fixture
def add(client: Any, tmp_path: Path) -> Add:
    """Register a version that has a share of `skill` of a hundred documents right, evaluated on `data`."""

    def added(skill: float, data: str = "md5", evaluated: bool = True) -> str:
        from extune.registry import EVALUATED

        if not client.search_registered_models():
            client.create_registered_model("extune")
        run_id = client.create_run(client.get_experiment_by_name("extune").experiment_id).info.run_id
        number = str(client.create_model_version("extune", str(tmp_path), run_id).version)
        if evaluated:
            measure(client, {"run_id": run_id, "name": "extune", "version": number}, skill, data, tmp_path)
            client.set_model_version_tag("extune", number, EVALUATED, data)
        return number

    return added


def measure(client: Any, version: dict[str, str], skill: float, data: str, folder: Path) -> None:
    from extune.evaluation import count_rows, keep
    from extune.score import score
    from extune.stages.outcome import prediction

    rng = random.Random(version["version"])
    pairs = [document(number, rng.random() < skill) for number in range(100)]
    write_jsonl(folder / "test.jsonl", (prediction(gold, Extraction(found, "NER")) for gold, found in pairs))
    total = score(pairs, NER).total
    figures = {"f1": total.f1, "invented_spans": total.invented, "documents_per_second": 9.0}
    known = {"task": "NER", "data": {"test": data}, "figures": {"test": figures}}
    keep(client, version, known, {"test": count_rows(pairs, NER)}, [folder / "test.jsonl"])


def document(number: int, right: bool) -> tuple[Record, Record]:
    name = NAMES[number % len(NAMES)]
    text = f"{name} lives in house {number}."
    found = Entity(name, "PER") if right else Entity("house", "PER")
    return tuple(Record(f"d{number}", text, "en", (entity,)) for entity in (Entity(name, "PER"), found))  # type: ignore[return-value]


def promoted(client: Any, version: str, gate: Gate = GATE, force: str | None = None, stage: str = "Production") -> Any:
    from extune.registry import promote

    return promote(client, "extune", version, stage, "a test", gate, force)


def champion(client: Any) -> str:
    return str(client.get_model_version_by_alias("extune", "champion").version)


def test_a_worse_version_is_refused_and_changes_nothing(client: Any, add: Add) -> None:
    good, bad = add(0.9), add(0.5)
    first = promoted(client, good)
    assert (first["gate.passed"], first["gate.against"], first["gate.reasons"]) == ("true", "no other version", "")
    with pytest.raises(CheckFailed) as caught:
        promoted(client, bad)
    assert "extune/2 is significantly worse than extune/1: F1 -0." in str(caught.value)
    assert caught.value.exit_code == 1
    assert champion(client) == good
    assert "promoted.to" not in client.get_model_version("extune", bad).tags


def test_a_forced_version_carries_the_reasons_for_and_against(client: Any, add: Add) -> None:
    good, bad = add(0.9), add(0.2)
    promoted(client, good)
    promoted(client, bad, force="the old one is too slow")
    tags = client.get_model_version("extune", bad).tags
    assert tags["gate.forced"] == "the old one is too slow"
    assert tags["gate.passed"] == "false"
    assert tags["gate.against"] == "extune/1"
    assert "the floor is 0.3" in tags["gate.reasons"]
    assert "significantly worse" in tags["gate.reasons"]
    assert champion(client) == bad


def test_a_reason_that_was_not_needed_is_not_recorded_as_force(client: Any, add: Add) -> None:
    promoted(client, add(0.6))
    done = promoted(client, add(0.9), force="just in case")
    assert (done["gate.passed"], done["gate.forced"]) == ("true", "")


def test_versions_measured_on_other_data_are_not_compared(client: Any, add: Add) -> None:
    promoted(client, add(0.5, "old"))
    with pytest.raises(CheckFailed, match=r"measured on another test split \(md5 new\) than extune/1 \(md5 old\)"):
        promoted(client, add(0.9, "new"))


def test_the_champion_may_be_promoted_again_and_staging_has_no_gate(client: Any, add: Add) -> None:
    good, bad = add(0.9), add(0.1)
    promoted(client, good)
    assert promoted(client, good)["gate.against"] == "no other version"
    assert "gate.passed" not in promoted(client, bad, stage="Staging")


def test_a_champion_without_counts_is_a_reason_to_refuse(client: Any, add: Add) -> None:
    from extune.registry import promote

    old, new = add(0.9), add(0.9)
    old = add(0.5, evaluated=False)
    client.set_model_version_tag("extune", old, "extune.evaluated", "md5")
    promote(client, "extune", old, "Production", "before there was a gate")
    with pytest.raises(CheckFailed, match=r"keeps no evaluation/extune/3/evaluation.json"):
        promoted(client, new)
    assert promoted(client, new, force="the first with a gate")["gate.passed"] == "false"


def test_the_command_refuses_with_the_reasons(
    client: Any, add: Add, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from extune.cli import main

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["extune", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    add(0.9)
    add(0.6)
    assert call("promote", "1", "--why", "first")[0] == 0
    code, out, err = call("promote", "2", "--why", "newer")
    assert (code, out) == (1, "")
    assert err.startswith("extune: extune/2 may not go to Production: ")
    assert err.count("\n") == 1
    assert call("promote", "2", "--why", "newer", "--force", " ")[0] == 2
    code, out, _ = call("promote", "2", "--why", "newer", "--force", "a trial", "--json")
    assert (code, json.loads(out)["gate.forced"]) == (0, "a trial")

    code, out, err = call("compare", "models:/extune/1", "@champion", "--html", "c.html", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["task"] == "NER"
    assert result["against"][0]["p_randomisation"] < 0.01
    assert call("compare", "models:/extune/1", "models:/extune/2", "--task", "RE")[0] == 2
    shown_in_mlflow(client, result)


def shown_in_mlflow(client: Any, result: dict[str, Any]) -> None:
    run = client.get_run(result["run_id"])
    assert run.data.params["system.2"] == "@champion"
    assert run.data.metrics["2.p_randomisation"] == result["against"][0]["p_randomisation"]
    table = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert "comparison.json" in table
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'", order_by=["start_time ASC"]
    )
    assert [child.data.metrics["f1"] for child in children] == [side["f1"] for side in result["sides"]]
    columns = json.loads(Path(client.download_artifacts(run.info.run_id, "comparison.json")).read_text())["columns"]
    assert columns[3:5] == ["1: models:/extune/1", "1: right"]
    for child in children:
        assert "predictions.json" in {item.path for item in client.list_artifacts(child.info.run_id)}


def test_runs_are_compared_by_id_or_by_artifact(client: Any, add: Add, tmp_path: Path) -> None:
    from extune.compare.store import located

    add(0.9)
    run_id = client.get_model_version("extune", "1").run_id
    addresses = [f"runs:/{run_id}", f"runs:/{run_id}/evaluation/extune/1/test.jsonl"]
    (tmp_path / "x").mkdir()
    paths, known = located(addresses, lambda: client, "extune", "test", tmp_path / "x")
    assert known == "NER"
    assert paths[0].read_bytes() == paths[1].read_bytes()
    empty = client.create_run("0").info.run_id
    for address, message in (
        (f"runs:/{empty}", "keeps 0 evaluations"),
        ("runs:/" + 32 * "0", "no run 0000"),
        ("models:/extune/9", "no model 'models:/extune/9'"),
        (f"runs:/{run_id}/gone.jsonl", "keeps no gone.jsonl"),
    ):
        folder = tmp_path / address.replace("/", "_")
        folder.mkdir()
        with pytest.raises(TrackingError, match=message):
            located([address], lambda: client, "extune", "test", folder)


def test_a_version_has_no_calibration_before_its_evaluation_and_none_where_its_run_is_gone(
    client: Any, add: Add, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from extune.evaluation import calibration

    number = add(0.9)
    assert calibration(client, "extune", number) == {}
    run_id = client.get_model_version("extune", number).run_id
    (tmp_path / "calibration.json").write_text('{"method": "platt"}')
    client.log_artifact(run_id, str(tmp_path / "calibration.json"), f"evaluation/extune/{number}")
    assert calibration(client, "extune", number) == {"method": "platt"}
    lost = client.create_model_version("extune", str(tmp_path), "0" * 32).version
    assert calibration(client, "extune", str(lost)) == {}
    assert f"confidences of extune/{lost} are not calibrated: no run 0000" in caplog.text
