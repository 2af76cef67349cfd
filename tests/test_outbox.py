"""What a run reports reaches the tracking server once and in order, whenever that can be reached."""

import errno
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extune.errors import TrackingError

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


OPENING = ("create_run", "set_tag", "update_run")


class Store:
    """In the place of MLflow's client, with one run: keeps what it is sent, or is down, or refuses a kind of call."""

    def __init__(self, name: str = "run") -> None:
        self.name, self.calls = name, list[tuple[Any, ...]]()
        self.down = False
        self.refuses = ""

    def answer(self, name: str) -> Any:
        """What MLflow gives back for a call."""
        run = SimpleNamespace(info=SimpleNamespace(run_id=self.name))
        made = any(call[0] == "create_run" for call in self.calls)
        experiment = SimpleNamespace(experiment_id="1")
        return {"get_experiment_by_name": experiment, "search_runs": [run] * made, "create_run": run}.get(name)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(run_id: str, *given: Any, **named: Any) -> Any:
            from mlflow.exceptions import MlflowException
            from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST

            if self.down:
                raise MlflowException("connection refused")
            if name == self.refuses:
                raise MlflowException("cannot be changed", error_code=INVALID_PARAMETER_VALUE)
            if name == "get_run" and run_id != self.name:
                raise MlflowException("no such run", error_code=RESOURCE_DOES_NOT_EXIST)
            found, rows = self.answer(name), named.get("metrics")
            if not name.startswith(("get_", "search_")):
                self.calls += [(m.key, m.step, m.value) for m in rows] if rows else [(name, *given)]
            return found

        return call

    @property
    def told(self) -> list[str]:
        """The calls, without those by which a run is opened."""
        return [call[0] for call in self.calls if call[0] not in OPENING]

    def points(self) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == "loss"]


@pytest.fixture
def store() -> Store:
    return Store()


def box(store: Any, root: Path) -> Any:
    from extune.outbox import Outbox

    return Outbox(store, root, "extune", "token")


def until(said: Callable[[], Any]) -> None:
    """Wait for something to become true, 20 seconds at most."""
    end = time.monotonic() + 20
    while not said() and time.monotonic() < end:
        time.sleep(0.01)


def left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".cache/outbox").iterdir())


def test_what_was_sent_is_forgotten_only_when_the_run_has_finished(store: Store, tmp_path: Path) -> None:
    from extune.delivery import forget

    first = box(store, tmp_path)
    first.metrics(1, {"loss": 2.0})
    first.end("KILLED")
    assert first.close(10)
    forget(tmp_path, "token")
    second = box(store, tmp_path)
    second.metrics(1, {"loss": 2.0})
    second.metrics(2, {"loss": 1.0})
    second.end("FINISHED")
    assert second.close(10)
    assert store.points() == [("loss", 1, 2.0), ("loss", 2, 1.0)]
    assert [call[1] for call in store.calls if call[0] == "set_terminated"] == ["KILLED", "FINISHED"]
    assert [call[0] for call in store.calls].count("create_run") == 1
    forget(tmp_path, "token")
    assert left(tmp_path) == []


def test_a_server_that_is_down_costs_no_time_and_gets_everything_later(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from extune.delivery import sync

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
    assert run.run_id is None
    assert caplog.text.count("training goes on") == 1
    with pytest.raises(TrackingError):
        sync(store, tmp_path)  # type: ignore[arg-type]
    store.down = False
    assert sync(store, tmp_path) == {"runs": 1, "reports": 303, "unknown": 0}  # type: ignore[arg-type]
    assert [call[1] for call in store.points()] == list(range(300))
    assert [call[0] for call in store.calls[-2:]] == ["log_artifact", "set_terminated"]
    assert left(tmp_path) == []


def test_the_run_is_made_when_the_server_first_answers_and_begins_with_the_training(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.down = True
    began = time.time()
    run = box(store, tmp_path)
    begun = time.time()
    run.metrics(1, {"loss": 2.0})
    until(lambda: "training goes on" in caplog.text)
    store.down = False
    until(store.points)
    assert run.run_id == "run"
    assert store.points() == [("loss", 1, 2.0)], "a new try comes by itself"
    run.end("FINISHED")
    assert run.close(10)
    made, at, tags = store.calls[0]
    assert (made, tags["extune.token"]) == ("create_run", "token")
    assert began - 0.001 <= at / 1000 <= begun


def test_the_run_that_mlflow_opened_is_taken_when_the_server_answers_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from extune.delivery import sync

    monkeypatch.setenv("MLFLOW_RUN_ID", "opened")
    store.down = True
    run = box(store, tmp_path)
    run.end("FINISHED")
    run.close(3)
    assert "MLFLOW_RUN_ID" not in os.environ
    store.down = False
    sync(store, tmp_path)  # type: ignore[arg-type]
    assert [call[0] for call in store.calls] == ["set_tag", "update_run", "set_terminated"]


def test_a_run_in_another_store_is_left_there_unless_its_training_goes_on(store: Store, tmp_path: Path) -> None:
    from extune.delivery import sync

    first = box(store, tmp_path)
    first.metrics(1, {"loss": 2.0})
    assert first.close(10)
    other = Store("other")
    assert sync(other, tmp_path) == {"runs": 0, "reports": 0, "unknown": 1}  # type: ignore[arg-type]
    second = box(other, tmp_path)
    second.metrics(2, {"loss": 1.0})
    second.end("FINISHED")
    assert second.close(10)
    assert other.points() == [("loss", 1, 2.0), ("loss", 2, 1.0)]
    assert len(store.points()) == 1


def test_a_line_that_a_kill_cut_off_is_dropped(store: Store, tmp_path: Path) -> None:
    from extune.delivery import sync

    store.down = True
    run = box(store, tmp_path)
    run.metrics(1, {"loss": 2.0})
    run.close(3)
    path = tmp_path / ".cache/outbox/token.jsonl"
    path.write_bytes(path.read_bytes() + b'{"at": 1, "kind": "met')
    (path.parent / "other.jsonl").touch()
    store.down = False
    assert sync(store, tmp_path)["reports"] == 2  # type: ignore[arg-type]
    again = box(store, tmp_path)
    again.metrics(2, {"loss": 1.0})
    again.end("FINISHED")
    assert again.close(10)
    assert store.points() == [("loss", 1, 2.0), ("loss", 2, 1.0)]


def test_what_the_server_refuses_is_named_and_holds_nothing_up(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.refuses = "log_inputs"
    run = box(store, tmp_path)
    run.data("train.jsonl", "0" * 32, "training")
    run.end("FINISHED")
    with caplog.at_level(logging.WARNING):
        assert run.close(10)
    assert store.told == ["set_terminated"]
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
    assert store.told == ["loss", "loss", "set_terminated"]


def test_promote_sends_first_what_was_kept(project: Path, store: Store, extune: Callable[..., Any]) -> None:
    store.down = True
    run = box(store, project)
    run.end("FINISHED")
    run.close(3)
    assert extune(project, "promote", "1", "--why", "none is there").code
    assert left(project) == []
