"""What the machine does while a run goes on: MLflow's system metrics, by their own names, for whoever reports them.

MLflow's own monitor asks the tracking server about the run each time and gives up when that is away:
https://mlflow.org/docs/latest/ml/tracking/system-metrics/. Here they go the way of all other figures of a run.
"""

import contextlib
import time
from collections.abc import Callable

from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING as WANTED
from mlflow.environment_variables import MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL as INTERVAL
from mlflow.system_metrics.metrics.base_metrics_monitor import BaseMetricsMonitor
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

SECONDS = 10.0
"""Between two samples, unless MLflow's own variable says otherwise."""


def sampler() -> Callable[[], dict[str, float]]:
    """A function that gives the figures since it last gave some, as `system/NAME`; nothing if that was just now.

    MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false turns it off. GPUs are watched where nvidia-ml-py is installed.
    """
    if WANTED.is_set() and not WANTED.get():
        return dict
    monitors, between = _monitors(), float(INTERVAL.get() or SECONDS)
    last = time.monotonic()

    def figures() -> dict[str, float]:
        nonlocal last
        if time.monotonic() - last < between:
            return {}
        last = time.monotonic()
        found: dict[str, float] = {}
        for monitor in monitors:
            monitor.collect_metrics()
            found |= monitor.aggregate_metrics()
            monitor.clear_metrics()
        return {f"system/{name}": float(value) for name, value in found.items()}

    return figures


def _monitors() -> list[BaseMetricsMonitor]:
    """The CPU is measured between two looks at it, so it is looked at once before."""
    monitors: list[BaseMetricsMonitor] = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    with contextlib.suppress(ImportError, RuntimeError):  # no GPU, or nothing that reads it
        monitors.append(GPUMonitor())
    monitors[0].collect_metrics()
    monitors[0].clear_metrics()
    return monitors
