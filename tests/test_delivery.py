"""What was kept arrives: a real tracking server, killed midway, or not there when a training begins."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extune.errors import TrackingError

from .test_outbox import left, until
from .test_tracking import free_port

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Start a tracking server, always the same one: one port, one store."""
    port, started = free_port(), []
    os.environ["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"

    def start() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        places = ["--backend-store-uri", f"sqlite:///{tmp_path}/s.db", "--artifacts-destination", str(tmp_path / "a")]
        with open(tmp_path / "server.log", "ab") as log:
            process = subprocess.Popen(
                [*command, *places], cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
            )
        started.append(process)
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                return process
            except OSError:
                time.sleep(0.25)
        raise AssertionError((tmp_path / "server.log").read_text()[-2000:])

    try:
        yield start
    finally:
        del os.environ["MLFLOW_TRACKING_URI"]
        for process in started:
            stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """The server and its workers, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def test_a_server_killed_midway_has_the_whole_curve_after_a_sync(
    project: Path, serve: Callable[[], "subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    import extune.outbox
    from extune.config import load
    from extune.delivery import sync
    from extune.outbox import Outbox
    from extune.stages import stage
    from extune.tracking import connect

    server = serve()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", os.environ["MLFLOW_TRACKING_URI"])
    monkeypatch.setattr(extune.outbox, "PATIENCE", 1.0)
    config = load(project / "params.yaml", overrides=["train.sft.max_steps=6"])
    for name in ("base", "generate", "prepare", "build"):
        stage(name)(config, project)
    real = Outbox.metrics

    def metrics(self: Outbox, step: int, values: Any) -> None:
        if step == 3:
            until(lambda: self.run_id)
            stop(server)
        real(self, step, values)

    monkeypatch.setattr(Outbox, "metrics", metrics)
    run_id = stage("train")(config, project)["run_id"]
    assert (project / "models/adapter/adapter_model.safetensors").is_file()
    serve()
    client = connect(project, "extune")
    assert sync(client, project)["runs"] == 1
    points = client.get_metric_history(run_id, "step.loss")
    assert sorted(point.step for point in points) == [1, 2, 3, 4, 5, 6]
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert "train.train_loss" in run.data.metrics
    assert [item.path for item in client.list_artifacts(run_id)] == ["loss.csv"]
    assert sync(client, project) == {"runs": 0, "reports": 0, "unknown": 0}


KILLED = """
import os, signal, sys
from extune.cli import main
from extune.outbox import Outbox
real = Outbox.metrics
def metrics(self, step, values):
    real(self, step, values)
    if step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
Outbox.metrics = metrics
main()
"""


def test_a_training_begun_killed_and_finished_without_a_server_is_one_whole_run_later(
    project: Path, serve: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    from extune.config import load
    from extune.delivery import sync
    from extune.stages import stage
    from extune.tracking import connect

    asked = ["train.sft.max_steps=6", "train.checkpoint.steps=2"]
    config = load(project / "params.yaml", overrides=asked)
    for name in ("base", "generate", "prepare", "build"):
        stage(name)(config, project)
    began = time.time()

    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        words = [word for text in asked for word in ("--set", text)]
        return subprocess.run([sys.executable, *command, "train", *words], cwd=project, capture_output=True, text=True)

    assert run("-c", KILLED).returncode == -signal.SIGKILL
    middle = time.time()
    second = run("-m", "extune", "launch")
    assert second.returncode == 0, second.stderr
    assert second.stderr.count("training goes on") == 1
    assert "run_id: None" in second.stdout
    with pytest.raises(TrackingError, match="does not answer"):
        stage("register")(config, project)
    serve()
    client = connect(project, "extune")
    registered = stage("register")(config, project)
    assert sync(client, project) == {"runs": 0, "reports": 0, "unknown": 0}
    found = client.search_runs([client.get_experiment_by_name("extune").experiment_id])
    assert [(one.info.run_id, one.info.status) for one in found] == [(registered["run_id"], "FINISHED")]
    info, data = found[0].info, found[0].data
    assert began <= info.start_time / 1000 <= middle <= info.end_time / 1000
    assert (data.params["sft.max_steps"], data.params["task.name"]) == ("6", config.task.name)
    assert {item.dataset.name for item in found[0].inputs.dataset_inputs} == {
        "data/sft/dev.jsonl",
        "data/sft/train.jsonl",
    }
    assert [p.step for p in client.get_metric_history(info.run_id, "step.loss")] == [1, 2, 3, 4, 5, 6]
    assert "loss.csv" in {item.path for item in client.list_artifacts(info.run_id)}
    assert left(project) == []
