"""What a run reports reaches the tracking server once and in order, whenever that can be reached."""

import errno
import logging
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

from .test_tracking import free_port

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


class Store:
    """In the place of MLflow's client: keeps what it is sent, or is down, or refuses a kind of call."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.down = False
        self.refuses = ""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(run_id: str, *given: Any, **named: Any) -> Any:
            from mlflow.exceptions import MlflowException
            from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

            if self.down:
                raise MlflowException("connection refused")
            if name == self.refuses:
                raise MlflowException("cannot be changed", error_code=INVALID_PARAMETER_VALUE)
            rows = named.get("metrics")
            self.calls += [(m.key, m.step, m.value) for m in rows] if rows else [(name, *given)]

        return call


@pytest.fixture
def store() -> Store:
    return Store()


def box(store: Any, root: Path) -> Any:
    from extune.outbox import Outbox

    return Outbox(store, "run", root)


def left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".cache/outbox").iterdir())


def test_what_was_sent_is_forgotten_only_when_the_run_has_finished(store: Store, tmp_path: Path) -> None:
    from extune.outbox import forget

    first = box(store, tmp_path)
    first.metrics(1, {"loss": 2.0})
    first.end("KILLED")
    assert first.close(10)
    forget(tmp_path, "run")
    second = box(store, tmp_path)
    second.metrics(1, {"loss": 2.0})
    second.metrics(2, {"loss": 1.0})
    second.end("FINISHED")
    assert second.close(10)
    assert [call for call in store.calls if call[0] == "loss"] == [("loss", 1, 2.0), ("loss", 2, 1.0)]
    assert [call[1] for call in store.calls if call[0] == "set_terminated"] == ["KILLED", "FINISHED"]
    forget(tmp_path, "run")
    assert left(tmp_path) == []


def test_a_server_that_is_down_costs_no_time_and_gets_everything_later(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from extune.outbox import sync

    store.down = True
    (tmp_path / "loss.csv").write_text("step,loss\n")
    began = time.monotonic()
    run = box(store, tmp_path)
    for step in range(300):
        run.metrics(step, {"loss": 1 / (1 + step), "rate": 0.1})
    run.artifact(tmp_path / "loss.csv")
    run.end("FINISHED")
    assert time.monotonic() - began < 5
    assert not run.close(3)
    assert caplog.text.count("training goes on") == 1
    with pytest.raises(TrackingError):
        sync(store, tmp_path)  # type: ignore[arg-type]
    store.down = False
    assert sync(store, tmp_path) == {"runs": 1, "reports": 302, "unknown": 0}  # type: ignore[arg-type]
    assert [call[1] for call in store.calls if call[0] == "loss"] == list(range(300))
    assert [call[0] for call in store.calls[-2:]] == ["log_artifact", "set_terminated"]
    assert left(tmp_path) == []


def test_a_line_that_a_kill_cut_off_is_dropped(store: Store, tmp_path: Path) -> None:
    store.down = True
    run = box(store, tmp_path)
    run.metrics(1, {"loss": 2.0})
    run.close(3)
    path = tmp_path / ".cache/outbox/run.jsonl"
    path.write_bytes(path.read_bytes() + b'{"at": 1, "kind": "met')
    store.down = False
    again = box(store, tmp_path)
    again.metrics(2, {"loss": 1.0})
    again.end("FINISHED")
    assert again.close(10)
    assert [call for call in store.calls if call[0] == "loss"] == [("loss", 1, 2.0), ("loss", 2, 1.0)]


def test_what_the_server_refuses_is_named_and_holds_nothing_up(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.refuses = "log_inputs"
    run = box(store, tmp_path)
    run.data("train.jsonl", "0" * 32, "training")
    run.end("FINISHED")
    with caplog.at_level(logging.WARNING):
        assert run.close(10)
    assert [call[0] for call in store.calls] == ["set_terminated"]
    assert "refused data of run run: cannot be changed" in caplog.text


def test_a_full_disk_delays_reports_and_loses_none(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real, full = box(store, tmp_path), os.write, [True]

    def write(handle: int, data: bytes) -> int:
        if handle == run._handle and full[0]:
            real(handle, data[:5])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(os, "write", write)
    run.metrics(1, {"loss": 2.0})
    run.metrics(2, {"loss": 1.0})
    full[0] = False
    run.end("FINISHED")
    assert run.close(10)
    assert [call[0] for call in store.calls] == ["loss", "loss", "set_terminated"]


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
    from extune.outbox import Outbox, sync
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
            stop(server)
        real(self, step, values)

    monkeypatch.setattr(Outbox, "metrics", metrics)
    run_id = stage("train")(config, project)["run_id"]
    assert (project / "models/adapter/adapter_model.safetensors").is_file()
    with pytest.raises(TrackingError, match="does not answer"):
        stage("train")(config, project)
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
