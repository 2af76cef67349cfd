"""Several processes are started, speak with one voice, and end together."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extune.errors import ConfigError, DataError, EnvironmentProblem
from extune.processes import Again, Lost, _first, joined, rank, record, size, together, wanted

ROOT = Path(__file__).parents[1]


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """This process as torchrun would have started it."""

    def place(number: int, count: int, **more: str) -> None:
        for name, value in {"RANK": str(number), "WORLD_SIZE": str(count), **more}.items():
            monkeypatch.setenv(name, value)

    return place


def test_a_process_that_torchrun_did_not_start_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (joined(), rank(), size()) == (False, 0, 1)
    monkeypatch.setenv("RANK", "3")  # as some schedulers set it by itself
    assert (joined(), rank(), size()) == (False, 0, 1)


def test_a_process_of_torchrun_knows_its_place(placed: Callable[..., None]) -> None:
    placed(2, 4)
    assert (joined(), rank(), size()) == (True, 2, 4)


def test_one_process_is_wanted_without_a_look_for_gpus() -> None:
    assert wanted(1) == 1


def test_an_error_is_left_only_to_a_launcher_of_ours(placed: Callable[..., None], tmp_path: Path) -> None:
    error = DataError("is empty", where="a.jsonl")
    assert not record(error)
    placed(1, 2, TORCHELASTIC_ERROR_FILE=str(tmp_path / "error.json"), TORCHELASTIC_RUN_ID="none")
    assert not record(error)
    placed(1, 2, TORCHELASTIC_RUN_ID="extune-1")
    assert record(error)
    left = json.loads((tmp_path / "error.json").read_text())["message"]
    assert left["message"] == "a.jsonl: is empty"
    assert (left["extraInfo"]["rank"], left["extraInfo"]["code"]) == (1, 2)


def told(number: int, at: float, code: int, text: str = "x", lost: bool = False) -> dict[str, Any]:
    trace = "Traceback\n  here\n"
    return {"rank": number, "at": at, "code": code, "text": text, "trace": trace, "lost": lost, "again": False}


def test_of_several_errors_the_one_is_told_that_caused_the_others() -> None:
    lost, cause = told(0, 1.0, 1, "RuntimeError: connection closed by peer"), told(1, 2.0, 3, "no base")
    error = _first({0: 1, 1: 3}, [lost, cause], 2, 3.0)
    assert (str(error), error.exit_code) == ("no base", 3)  # type: ignore[attr-defined]
    assert str(_first({0: 1}, [lost], 2, 3.0)).startswith("process 0 of 2: RuntimeError: connection closed by peer\nTr")
    assert _first({1: 143}, [], 2, 3.0).code == 143  # type: ignore[attr-defined]


def test_a_killed_process_is_told_of_unless_torchrun_killed_it_in_the_end() -> None:
    lost = told(0, 1.0, 1, "RuntimeError: connection closed by peer")
    error = _first({0: 1, 1: -signal.SIGKILL}, [lost], 2, 3.0)
    assert isinstance(error, EnvironmentProblem)
    assert "process 1 of 2 was ended by SIGKILL" in str(error)
    assert str(_first({0: 1, 1: -signal.SIGKILL}, [lost], 2, 40.0)).startswith("process 0 of 2: RuntimeError")
    assert str(_first({0: -signal.SIGTERM, 1: 2}, [told(1, 1.0, 2, "is empty")], 2, 3.0)) == "is empty"


def test_one_that_only_lost_the_others_speaks_if_nothing_else_is_known() -> None:
    lost = told(0, 1.0, 3, str(Lost()), lost=True)
    error = _first({0: 3, 1: 1}, [lost, told(1, 2.0, 1, "ZeroDivisionError")], 2, 3.0)
    assert str(error).startswith("process 1 of 2: ZeroDivisionError")
    assert "process 1 of 2 was ended by SIGKILL" in str(_first({0: 3, 1: -signal.SIGKILL}, [lost], 2, 3.0))
    assert str(_first({0: 3}, [lost], 2, 3.0)).startswith("another process of this training has ended")


@pytest.mark.integration
def test_an_error_of_the_connection_means_that_another_process_has_gone(placed: Callable[..., None]) -> None:
    import torch

    gloo = RuntimeError("[/x/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error: Connection reset by peer.")
    for error in (gloo, torch.distributed.DistNetworkError("Failed to recv")):
        with pytest.raises(type(error)), together():
            raise error
    placed(0, 2)
    for error in (gloo, torch.distributed.DistNetworkError("Failed to recv")):
        with pytest.raises(Lost, match="The same command goes on from the last checkpoint"), together():
            raise error
    with pytest.raises(RuntimeError, match="shape"), together():
        raise RuntimeError("shape")


@pytest.mark.integration
def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert (wanted("auto"), wanted(2)) == (2, 2)
    with pytest.raises(ConfigError, match=r"train\.processes is 3, and 2 GPU"):
        wanted(3)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert (wanted("auto"), wanted(2)) == (1, 2)


LAUNCH = """
import sys
from extune.errors import ExtuneError
from extune.processes import launch
try:
    launch(2, ["-c", sys.argv[1]])
except ExtuneError as exc:
    print(exc, file=sys.stderr)
    sys.exit(exc.exit_code)
"""


def launched(worker: str, before: str = "") -> "subprocess.CompletedProcess[str]":
    """Two processes of such a program, started and waited for."""
    command = [sys.executable, "-c", before + LAUNCH, worker]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)


@pytest.mark.integration
def test_an_error_of_any_process_is_told_once_with_its_exit_code(tmp_path: Path) -> None:
    worker = (
        "import time, sys\nfrom pathlib import Path\nfrom extune.processes import rank, record\n"
        f"from extune.errors import DataError\nprint('seen', rank(), flush=True)\nthere = Path({str(tmp_path / 'there')!r})\n"
        "if not rank(): there.touch(); time.sleep(60)\n"
        "while not there.exists(): time.sleep(0.05)\n"
        "record(DataError('is empty')) and sys.exit(2)"
    )
    done = launched(worker)
    assert (done.returncode, done.stdout.split(), done.stderr) == (2, ["seen", "0"], "is empty\n")


def test_who_asks_for_another_life_is_heard_above_those_that_lost_it() -> None:
    asks = told(1, 2.0, 3, "too large") | {"again": True}
    error = _first({0: 1, 1: 3}, [told(0, 1.0, 3, str(Lost()), lost=True), asks], 2, 3.0)
    assert isinstance(error, Again)
    assert (str(error), error.exit_code) == ("too large", 3)


@pytest.mark.integration
def test_a_training_that_asks_for_another_life_gets_it(tmp_path: Path) -> None:
    worker = (
        f"import os, sys, time\nfrom pathlib import Path\none, other = (Path({str(tmp_path)!r}) / f'lives{{n}}' for n in (0, 1))\n"
        "from extune.processes import Again, rank, record\n"
        "lives = other if rank() else one\n"
        "with lives.open('a') as file: file.write('x')\n"
        "if len(lives.read_text()) == 3: sys.exit()\n"
        "while rank() and not (one.exists() and one.read_text() == other.read_text()): time.sleep(0.05)\n"
        "if rank(): record(Again('too large', remedy='It goes on')) and sys.exit(3)\n"
        "time.sleep(60)"
    )
    done = launched(worker)
    assert (done.returncode, done.stderr) == (0, "too large. It goes on; it does so now\n" * 2)
    assert [(tmp_path / f"lives{n}").read_text() for n in (0, 1)] == ["xxx", "xxx"]


@pytest.mark.integration
def test_a_signal_between_two_lives_ends_the_training() -> None:
    stop = (
        "import logging, os, signal\n"
        "class Stop(logging.Handler):\n    def emit(self, record): os.kill(os.getpid(), signal.SIGTERM)\n"
        "logging.getLogger('extune.processes').addHandler(Stop())\n"
    )
    worker = "import sys\nfrom extune.processes import Again, record\nrecord(Again('too large')) and sys.exit(3)"
    done = launched(worker, stop)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")


@pytest.mark.integration
def test_a_signal_to_the_launcher_reaches_all_processes(tmp_path: Path) -> None:
    worker = (
        f"import os, signal, sys, time\nfrom pathlib import Path\nhere = Path({str(tmp_path)!r})\n"
        "def heard(number, frame):\n    (here / ('heard' + os.environ['RANK'])).touch()\n    sys.exit(128 + number)\n"
        "signal.signal(signal.SIGTERM, heard)\n(here / ('up' + os.environ['RANK'])).touch()\ntime.sleep(60)"
    )
    started = subprocess.Popen([sys.executable, "-c", LAUNCH, worker], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not all((tmp_path / f"up{n}").exists() for n in (0, 1)) and time.monotonic() < until:
        time.sleep(0.05)
    started.send_signal(signal.SIGTERM)
    _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (128 + signal.SIGTERM, "")
    assert sorted(path.name for path in tmp_path.glob("heard*")) == ["heard0", "heard1"]
