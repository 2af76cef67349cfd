"""A stage as an MLflow project run: signals handed on to it, and its own exit code handed back."""

import logging
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..processes import follow

log = logging.getLogger(__name__)

OUTCOME = "EXTUNE_OUTCOME"
"""Names the file into which a process writes its exit code: `mlflow run` ends with 1 whatever happened."""


def project_run(command: Sequence[str], root: Path) -> int:
    """Run an `mlflow run` command; the exit code of the stage in it.

    A stage that is done is done, even if the server was down when `mlflow run` wanted to close the run. DVC does not
    hand SIGTERM on, and one that was killed cannot: its end is a signal to stop.
    """
    if "DVC_STAGE" in os.environ:
        follow()
    with tempfile.TemporaryDirectory() as scratch:
        outcome = Path(scratch) / "outcome"
        environment = {**os.environ, OUTCOME: str(outcome)}
        code, told = _with_signals(command, root, environment)
        stage = int(outcome.read_text(encoding="ascii")) if outcome.is_file() else code
    if stage and told:
        return 128 + told
    if code and not stage:
        log.warning("`mlflow run` ended with %d, but the stage is done; `extune sync` sends what is missing", code)
    return stage


def _with_signals(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> tuple[int, int]:
    """Its exit code, and the first signal to stop that came meanwhile, or 0.

    That one becomes the one SIGINT on which `mlflow run` stops its child and waits. It has a session of its own: a
    Ctrl-C that reached every process would come to it twice. It is started after signals are caught here, since what a
    script starts with `&` ignores SIGINT, and would hand that down.
    """
    heard: list[int] = []
    started: list[subprocess.Popen[Any]] = []

    def on_signal(number: int, _: Any) -> None:
        heard.append(number)
        if len(heard) == 1 and started:
            started[0].send_signal(signal.SIGINT)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        started.append(subprocess.Popen(command, cwd=root, env=environment, start_new_session=True))
        code = started[0].wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code, heard[0] if heard else 0


def note_outcome(code: Any) -> None:
    """Leave the exit code for the `launch` that this process is under, if it is under one."""
    if place := os.environ.get(OUTCOME):
        Path(place).write_text(str(code if isinstance(code, int) else bool(code) + 0), encoding="ascii")
