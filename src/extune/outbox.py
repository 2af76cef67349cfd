"""What a run reports, kept on disk until the tracking server has it: training neither waits for the server nor fails.

A run's file in `.cache/outbox` has one JSON line a report, in order, with its own time; `.sent` says how far it got. A
thread sends them. What is left when the process ends goes out with the next `extune train`, `register` or `sync`.
"""

import contextlib
import fcntl
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .errors import TrackingError
from .tracking import impatient, log_data, log_params, open_run

log = logging.getLogger(__name__)

FOLDER = Path(".cache/outbox")
MOST = 500
"""Metrics in one request; MLflow takes 1,000."""
LONGEST_PAUSE = 60.0
PATIENCE = 10.0

Report = dict[str, Any]


class Outbox:
    """The reports of one run. None of its methods waits for the server but `close`, and that for PATIENCE seconds."""

    def __init__(self, client: MlflowClient, run_id: str, root: Path) -> None:
        self.client, self.run_id, self.path = client, run_id, root / FOLDER / f"{run_id}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._known = self._read()
        self._late: list[bytes] = []
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step; one that was reported before an interruption is not reported twice."""
        fresh = {key: value for key, value in values.items() if (step, key) not in self._known}
        self._known |= {(step, key) for key in fresh}
        if fresh:
            self._put({"kind": "metrics", "step": step, "values": fresh})

    def params(self, values: Mapping[str, Any]) -> None:
        """Parameters; those that the run has stay as they are."""
        self._put({"kind": "params", "values": {key: str(value) for key, value in values.items()}})

    def tags(self, values: Mapping[str, str]) -> None:
        """Tags, replacing those of the same names."""
        self._put({"kind": "tags", "values": dict(values)})

    def data(self, name: str, digest: str, context: str) -> None:
        """A data file as an input, with the digest DVC knows it by."""
        self._put({"kind": "data", "name": name, "digest": digest, "context": context})

    def artifact(self, path: Path) -> None:
        """A file, as it is now."""
        kept = self.path.with_suffix(".files") / path.name
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, kept)
        self._put({"kind": "artifact", "name": path.name})

    def end(self, status: str) -> None:
        """The run's status from now on: FINISHED, FAILED or KILLED."""
        self._put({"kind": "end", "status": status})

    def close(self, patience: float) -> bool:
        """Stop sending after a last try; whether the server has everything."""
        self._closing.set()
        self._wake.set()
        self._thread.join(patience)
        done = not self._thread.is_alive() and not self._late and _sent(self.path) == self.path.stat().st_size
        if not self._thread.is_alive():
            os.close(self._handle)
        if not done:
            log.warning("the tracking server lacks some of run %s: `extune sync` sends it later", self.run_id)
        return done

    def _read(self) -> set[tuple[int, str]]:
        """The figures that were reported; a line that a kill cut off is dropped."""
        said = self.path.read_bytes()
        whole = said[: said.rfind(b"\n") + 1]
        os.ftruncate(self._handle, len(whole))
        rows = [row for row in map(json.loads, whole.splitlines()) if row["kind"] == "metrics"]
        return {(row["step"], key) for row in rows for key in row["values"]}

    def _put(self, report: Report) -> None:
        """A full disk does not stop training: the line waits for the next one."""
        self._late.append(json.dumps({"at": int(time.time() * 1000), **report}).encode() + b"\n")
        while self._late:
            size = os.fstat(self._handle).st_size
            try:
                if os.write(self._handle, self._late[0]) < len(self._late[0]):
                    raise OSError("no space left for the whole line")
            except OSError as exc:
                os.ftruncate(self._handle, size)
                log.warning("cannot keep a report of step metrics (%s); trying again with the next", exc)
                break
            self._late.pop(0)
        self._wake.set()

    def _work(self) -> None:
        pause, silent = 0.0, False
        while True:
            last = self._closing.is_set()
            self._wake.clear()
            try:
                os.fsync(self._handle)
                send(self.client, self.path)
                if silent:
                    log.warning("the tracking server answers again: it has all of run %s", self.run_id)
                pause, silent = 0.0, False
            except Exception as exc:  # whatever a server or network does, training goes on
                if not silent:
                    log.warning("tracking: %s; training goes on, reports are kept in %s", _line(exc), self.path.parent)
                pause, silent = min(max(2 * pause, 1.0), LONGEST_PAUSE), True
            if last:
                return
            if pause:
                self._closing.wait(pause)
            else:
                self._wake.wait()


@contextlib.contextmanager
def reported(client: MlflowClient, experiment: str, root: Path, token: str) -> Iterator[Outbox]:
    """An outbox for the run with this token if there is one, else for a new one; it ends FINISHED, KILLED or FAILED."""
    with impatient():
        box = Outbox(client, open_run(client, experiment, token), root)
        try:
            yield box
            box.end("FINISHED")
        except BaseException as exc:
            box.end("KILLED" if isinstance(exc, KeyboardInterrupt) else "FAILED")
            raise
        finally:
            box.close(PATIENCE)


def send(client: MlflowClient, path: Path) -> int:
    """Send what of a run's file has not been sent, in order; returns how many lines. Raises as MLflow does."""
    count = 0
    for end, reports in _requests(path):
        try:
            SENDERS[reports[0]["kind"]](client, path, reports)
        except MlflowException as exc:
            if exc.error_code not in REFUSED:
                raise
            log.warning("the tracking server refused %s of run %s: %s", reports[0]["kind"], path.stem, _line(exc))
        # Not synced: after a loss of power it is sent again, which MLflow's keys make harmless.
        beside = path.with_suffix(".sent.tmp")
        beside.write_text(str(end), encoding="ascii")
        beside.replace(path.with_suffix(".sent"))
        count += len(reports)
    return count


REFUSED = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE")
"""Would be refused again; anything else may pass."""


def _requests(path: Path) -> Iterator[tuple[int, list[Report]]]:
    """Unsent reports, metrics in a row together, each with the place in the file behind them."""
    at = _sent(path)
    together: list[Report] = []
    with open(path, "rb") as handle:
        handle.seek(at)
        for line in handle:
            if not line.endswith(b"\n"):
                break
            report = json.loads(line)
            size = sum(len(r["values"]) for r in (*together, report) if r["kind"] == "metrics")
            if together and (report["kind"] != "metrics" or size > MOST):
                yield at, together
                together = []
            at += len(line)
            if report["kind"] == "metrics":
                together.append(report)
            else:
                yield at, [report]
    if together:
        yield at, together


def _sent(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(path.with_suffix(".sent").read_text(encoding="ascii"))
    return 0


def _metrics(client: MlflowClient, path: Path, reports: list[Report]) -> None:
    metrics = [Metric(k, v, r["at"], r["step"]) for r in reports for k, v in r["values"].items()]
    client.log_batch(path.stem, metrics=metrics)


def _params(client: MlflowClient, path: Path, reports: list[Report]) -> None:
    log_params(client, path.stem, reports[0]["values"])


def _tags(client: MlflowClient, path: Path, reports: list[Report]) -> None:
    client.log_batch(path.stem, tags=[RunTag(key, value) for key, value in reports[0]["values"].items()])


def _data(client: MlflowClient, path: Path, reports: list[Report]) -> None:
    log_data(client, path.stem, *(reports[0][key] for key in ("name", "digest", "context")))


def _artifact(client: MlflowClient, path: Path, reports: list[Report]) -> None:
    client.log_artifact(path.stem, str(path.with_suffix(".files") / reports[0]["name"]))


def _end(client: MlflowClient, path: Path, reports: list[Report]) -> None:
    client.set_terminated(path.stem, reports[0]["status"], reports[0]["at"])


SENDERS: dict[str, Callable[[MlflowClient, Path, list[Report]], None]] = {
    "metrics": _metrics,
    "params": _params,
    "tags": _tags,
    "data": _data,
    "artifact": _artifact,
    "end": _end,
}


def sync(client: MlflowClient, root: Path) -> dict[str, int]:
    """Send what earlier processes could not: how many runs and reports went out, how many runs this store lacks.

    Raises TrackingError if the server does not answer.
    """
    counts = {"runs": 0, "reports": 0, "unknown": 0}
    for path in sorted((root / FOLDER).glob("*.jsonl")):
        try:
            sent = _sent_alone(client, path)
        except MlflowException as exc:
            if exc.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise TrackingError(
                    f"the tracking server does not answer ({_line(exc)})", remedy="`extune sync` goes on where it was"
                ) from exc
            counts["unknown"] += 1
            log.warning("this tracking store does not know run %s; its reports stay in %s", path.stem, path)
            continue
        counts = {**counts, "runs": counts["runs"] + bool(sent), "reports": counts["reports"] + sent}
    return counts


def _sent_alone(client: MlflowClient, path: Path) -> int:
    """Send a run's reports unless its training is about to; one that has finished is forgotten then."""
    with open(path, "rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        client.get_run(path.stem)
        count = send(client, path)
        if _finished(path):
            _forget(path)
        return count


def forget(root: Path, run_id: str) -> None:
    """Remove the file of a run that has everything: its training is done and will not go on."""
    path = root / FOLDER / f"{run_id}.jsonl"
    if path.is_file() and _finished(path) and _sent(path) == path.stat().st_size:
        _forget(path)


def _finished(path: Path) -> bool:
    """Whether the last report is that the run finished: one that was killed may go on."""
    lines = path.read_bytes().splitlines()
    return bool(lines) and json.loads(lines[-1]).get("status") == "FINISHED"


def _forget(path: Path) -> None:
    shutil.rmtree(path.with_suffix(".files"), ignore_errors=True)
    path.unlink(missing_ok=True)
    path.with_suffix(".sent").unlink(missing_ok=True)


def _line(exc: Exception) -> str:
    text = str(exc).strip()
    return text.splitlines()[0][:200] if text else type(exc).__name__
