"""Several processes for one training, on one machine or several: started here through torchrun, or by a torchrun.

torchrun: https://docs.pytorch.org/docs/stable/elastic/run.html. Each process is `extune train` again, told its place by
RANK, LOCAL_RANK and WORLD_SIZE; the first one reports, the others are silent.
"""

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .errors import ConfigError, EnvironmentProblem, ExtuneError
from .meeting import place

log = logging.getLogger(__name__)

OURS = "extune-"
"""How the id of a job begins that `launch` started."""
GRACE = 120
"""Seconds between SIGTERM and SIGKILL: the step that is being taken ends, and a checkpoint is written."""


def joined() -> bool:
    """Whether torchrun started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def rank() -> int:
    """The number of this process among all of them; 0 if it is alone."""
    return int(os.environ["RANK"]) if joined() else 0


def local_rank() -> int:
    """Its number on this machine, which is that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0")) if joined() else 0


def size() -> int:
    """How many processes there are."""
    return int(os.environ["WORLD_SIZE"]) if joined() else 1


def agreed(value: Any) -> Any:
    """What the first process says, in all of them."""
    said = [value]
    if size() > 1:
        import torch

        torch.distributed.broadcast_object_list(said)
    return said[0]


def of_all(value: Any) -> list[Any]:
    """The same of every process."""
    values = [value] * size()
    if size() > 1:
        import torch

        torch.distributed.all_gather_object(values, value)
    return values


def parting() -> None:
    """What each does when it needs the others no more; none is let go before all do.

    NCCL's calls return before they are done, and it waits for ever for a process that has left. Gloo may abort one that
    leaves without destroying its group (https://docs.pytorch.org/docs/stable/distributed.html#shutdown); NCCL's need
    not be destroyed, and may wait for recorded graphs. Not after an error: the others may not come.
    """
    if size() == 1:
        return
    import torch

    of_all(None)
    if torch.distributed.get_backend() == "gloo":
        torch.distributed.destroy_process_group()


def wanted(processes: int | str) -> int:
    """How many `train.processes` asks for on this machine. Raises ConfigError for more than there are GPUs."""
    if processes == 1:
        return 1
    import torch

    gpus = int(torch.cuda.device_count())
    if processes == "auto":
        return max(gpus, 1)
    if gpus and int(processes) > gpus:
        raise ConfigError(
            f"train.processes is {processes}, and {gpus} GPU(s) can be seen",
            remedy="Set it to auto, or CUDA_VISIBLE_DEVICES to more",
        )
    return int(processes)


def launch(count: int, words: Sequence[str], nodes: int = 1, meeting: str = "") -> None:
    """Run `python WORDS` as so many processes, and wait. SIGTERM and SIGINT reach all of them.

    With several `nodes`, this has to be called on each, and they meet at `meeting` (HOST:PORT of one of them).
    Raises the error of the process that failed first as EnvironmentProblem or, by the exit code it asks for, its own
    kind; SystemExit where they were stopped. On one machine they begin again after an `Again`.
    """
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    while True:
        try:
            return _launch(count, words, nodes, meeting)
        except Again as exc:
            if nodes > 1:
                raise
            for number, handler in handlers.items():  # torchrun leaves its own, which need its processes
                signal.signal(number, handler)
            log.warning("%s; it does so now", exc)


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""Those that torchrun handles."""


def _launch(count: int, words: Sequence[str], nodes: int, meeting: str) -> None:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous.api import RendezvousError, RendezvousTimeoutError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in [name for name in logging.root.manager.loggerDict if name.startswith("torch.distributed.")]:
        logging.getLogger(name).disabled = not os.environ.get("EXTUNE_VERBOSE")
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // count, 1)))
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(GRACE))
    where = _where(meeting)
    with tempfile.TemporaryDirectory() as folder:
        config = LaunchConfig(
            min_nodes=nodes, max_nodes=nodes, nproc_per_node=count, max_restarts=0, rdzv_backend="c10d",
            run_id=f"{OURS}{meeting or os.getpid()}", **where,
            logs_specs=DefaultLogsSpecs(folder, dict.fromkeys(range(1, count), Std.ALL)),
        )  # fmt: skip
        try:
            elastic_launch(config, sys.executable)(*words)
        except SignalException as stop:
            sys.exit(128 + int(stop.sigval))
        except ChildFailedError as failed:
            codes = {number: failure.exitcode for number, failure in failed.failures.items()}
            raise _first(codes, _recorded(Path(folder)), count * nodes, time.time()) from None
        except RendezvousTimeoutError as exc:
            raise EnvironmentProblem(
                f"not all {nodes} machines came to {meeting}", remedy="Run the same command on each of them"
            ) from exc
        except RendezvousError as exc:
            if not any(Path(folder).iterdir()):  # no process was begun
                raise EnvironmentProblem(
                    f"nobody answers at {meeting}", remedy="Start it there within a minute"
                ) from exc
            raise Lost from exc


def _where(meeting: str) -> dict[str, Any]:
    """How the processes find each other, told to torchrun and, in the environment, to gloo."""
    if not meeting:
        return {"rdzv_endpoint": "localhost:0", "local_addr": "localhost"}
    found = place(meeting)
    if found.interface:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", found.interface)
    elsewhere = {} if found.host else {"rdzv_configs": {"is_host": False}}
    return {"rdzv_endpoint": found.endpoint, "local_addr": found.address, **elsewhere}


class Lost(EnvironmentProblem):
    """Another process of the same training has gone; what ended it is told where it ran."""

    def __init__(self) -> None:
        super().__init__(
            "another process of this training has ended; where it ran, it says why",
            remedy="The same command goes on from the last checkpoint",
        )


class Again(EnvironmentProblem):
    """What ended a training and will not end its next life: the same command goes on, in another way."""


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Errors of a connection between processes become `Lost`. Gloo raises a plain RuntimeError for them."""
    try:
        yield
    except RuntimeError as exc:
        import torch

        if size() == 1 or not (isinstance(exc, torch.distributed.DistError) or "gloo/transport" in str(exc)):
            raise
        raise Lost from exc


def _first(codes: dict[int, int], records: Sequence[dict[str, Any]], count: int, now: float) -> BaseException:
    """What to tell of several processes that failed: most of them only because another one had gone.

    torchrun itself ends what is left, with SIGTERM and, after half a minute, with SIGKILL.
    """
    first = min(records, key=lambda record: (record["lost"], record["code"] == 1, record["at"]), default=None)
    killed = [(number, -code) for number, code in sorted(codes.items()) if code < 0 and -code != signal.SIGTERM]
    second = first is None or first["lost"] or first["code"] == 1
    if killed and (first is None or (second and now - first["at"] < TORCHRUN_WAITS)):
        number, cause = killed[0]
        return EnvironmentProblem(
            f"process {number} of {count} was ended by {signal.Signals(cause).name}",
            remedy="The same command goes on from the last checkpoint. SIGKILL is often a lack of memory",
        )
    if first is None:
        return SystemExit(max(code if code > 0 else 128 - code for code in codes.values()))
    if first["code"] == 1:
        return _Told(f"process {first['rank']} of {count}: {first['text']}\n{first['trace'].rstrip()}", 1)
    return Again(first["text"]) if first["again"] else _Told(first["text"], first["code"])


TORCHRUN_WAITS = 25
"""Seconds; a little less than torchrun waits before it kills."""


class _Told(ExtuneError):
    """The error of another process, with its exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = code


def record(error: Exception) -> bool:
    """Leave an error to the process that started this one, which tells one of them; whether there is such a process."""
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if not path or not os.environ.get("TORCHELASTIC_RUN_ID", "").startswith(OURS):
        return False
    known = isinstance(error, ExtuneError)
    details = {
        "rank": rank(),
        "at": time.time(),
        "timestamp": int(time.time()),
        "code": error.exit_code if isinstance(error, ExtuneError) else 1,
        "lost": isinstance(error, Lost),
        "again": isinstance(error, Again),
        "text": str(error) if known else "".join(traceback.format_exception_only(error)).strip(),
        "trace": "" if known else "".join(traceback.format_exception(error)),
    }
    Path(path).write_text(json.dumps({"message": {"message": details["text"], "extraInfo": details}}), encoding="utf-8")
    return True


def _recorded(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("error.json"))]
    return [one["message"]["extraInfo"] for one in found]


def enter() -> None:
    """What one of several processes does first: all but the first fall silent, and none outlives its launcher."""
    if not joined():
        return
    follow()
    if rank():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  it stays until the process ends
        logging.getLogger(__package__).setLevel(logging.ERROR)


def follow() -> None:
    """Have SIGTERM sent to this process when the one that started it ends, however that does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


PR_SET_PDEATHSIG = 1
"""Of `man 2 prctl`: a signal to a process whose parent has died."""
