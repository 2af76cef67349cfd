"""What the machine does comes with the other figures of a run, and arrives in a store."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

KNOWN = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/disk_usage_percentage",
    "system/network_receive_megabytes",
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, float]]:
    """Figures at most every tenth of a second."""
    from extune.machine import sampler

    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    return sampler()


def test_figures_come_once_an_interval_by_mlflows_names(machine: Callable[[], dict[str, float]]) -> None:
    assert machine() == {}
    time.sleep(0.15)
    began = time.process_time()
    figures = machine()
    assert time.process_time() - began < 0.1
    assert set(figures) >= KNOWN
    assert 0 <= figures["system/cpu_utilization_percentage"] <= 100
    assert machine() == {}


def test_mlflows_own_switch_turns_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from extune.machine import sampler

    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.01")
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    figures = sampler()
    time.sleep(0.02)
    assert figures() == {}


def test_they_arrive_in_a_store(tmp_path: Path, machine: Callable[[], dict[str, float]]) -> None:
    from mlflow.tracking import MlflowClient

    from extune.outbox import Outbox

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    box = Outbox(client, tmp_path, "Default", "token")
    for step in (5, 10):
        time.sleep(0.15)
        box.metrics(step, {"step.loss": 1.0, **machine()})
    box.end("FINISHED")
    assert box.close(60)
    run = str(box.run_id)
    assert set(client.get_run(run).data.metrics) >= KNOWN
    history = client.get_metric_history(run, "system/cpu_utilization_percentage")
    assert [point.step for point in history] == [5, 10]
