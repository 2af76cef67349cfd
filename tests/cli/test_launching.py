"""A stage as a process of its own: the signals it hears and the exit code it leaves."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extune.cli.launching import project_run

HEARS = "import signal, sys; sys.exit(signal.getsignal(signal.SIGINT) is not signal.default_int_handler)"
WAITS = "import time; time.sleep(20)"


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As what a script starts with `&`: SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_background")
def test_a_stage_hears_sigint_even_where_its_launcher_was_started_without(tmp_path: Path) -> None:
    assert project_run([sys.executable, "-c", HEARS], tmp_path) == 0


@pytest.mark.usefixtures("in_the_background")
def test_sigterm_ends_a_stage_with_its_own_number(tmp_path: Path) -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert project_run([sys.executable, "-c", WAITS], tmp_path) == 128 + signal.SIGTERM


def test_the_exit_code_of_a_stage_is_handed_back(tmp_path: Path) -> None:
    assert project_run([sys.executable, "-c", "raise SystemExit(2)"], tmp_path) == 2


STAGE = """
import pathlib, time
try:
    pathlib.Path("up").touch()
    time.sleep(30)
except KeyboardInterrupt:
    pathlib.Path("heard").touch()
"""
LAUNCH = """
import pathlib, sys
from extune.cli.launching import project_run
sys.exit(project_run([sys.executable, "-c", sys.argv[1]], pathlib.Path.cwd()))
"""
STARTS = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_a_stage_stops_when_the_dvc_that_runs_it_is_killed(tmp_path: Path) -> None:
    def there(name: str) -> bool:
        until = time.monotonic() + 20
        while not (tmp_path / name).exists() and time.monotonic() < until:
            time.sleep(0.02)
        return (tmp_path / name).exists()

    env = {**os.environ, "DVC_STAGE": "train"}
    dvc = subprocess.Popen([sys.executable, "-c", STARTS, LAUNCH, STAGE], cwd=tmp_path, env=env)
    assert there("up")
    dvc.kill()
    dvc.wait()
    assert there("heard")
