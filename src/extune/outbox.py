"""What a run reports, kept on disk until the tracking server has it: training neither waits for the server nor fails.

A training's file in `.cache/outbox` has one JSON line a report, in order, with its own time. A thread sends them; the
MLflow run is made when the server first answers. What is left in the end goes out with the next `extune train`,
`register`, `promote` or `sync`.
"""

import contextlib
import fcntl
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from .delivery import FOLDER, Report, complete, reports, run_of, send, sync
from .tracking import begun, impatient, reach, reason

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0
PATIENCE = 10.0


class Outbox:
    """The reports of one training, by its token: `run_id` is None until the server has answered.

    None of its methods waits for the server but `close`, and that for PATIENCE seconds.
    """

    def __init__(self, client: MlflowClient, root: Path, experiment: str, token: str) -> None:
        self.client, self.root, self.path = client, root, root / FOLDER / f"{token}.jsonl"
        self.run_id: str | None = None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._known = self._read()
        self._late: list[bytes] = []
        self._wake, self._closing = threading.Event(), threading.Event()
        self._put({"kind": "start", **begun(experiment)._asdict()})
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
        done = not self._thread.is_alive() and not self._late and complete(self.path, self.run_id)
        if not self._thread.is_alive():
            os.close(self._handle)
        if not done:
            log.warning(
                "the tracking server lacks %s: `extune sync` sends it later, as do `train` and `register`",
                f"some of run {self.run_id}" if self.run_id else "the run of this training",
            )
        return done

    def _read(self) -> set[tuple[int, str]]:
        """The figures that were reported; a line that a kill cut off is dropped."""
        os.ftruncate(self._handle, self.path.read_bytes().rfind(b"\n") + 1)
        rows = [report for report in reports(self.path) if report["kind"] == "metrics"]
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
                self._deliver()
                if silent:
                    log.warning("the tracking server answers again: it has all of run %s", self.run_id)
                pause, silent = 0.0, False
            except Exception as exc:  # whatever a server or network does, training goes on
                if not silent:
                    log.warning(
                        "tracking: %s; training goes on: its reports are kept in %s and sent as soon as the server "
                        "answers, or by the next `extune train`, `register` or `sync`",
                        reason(exc), FOLDER,
                    )  # fmt: skip
                pause, silent = min(max(2 * pause, 1.0), LONGEST_PAUSE), True
            if last:
                return
            if pause:
                self._closing.wait(pause)
            else:
                self._wake.wait()

    def _deliver(self) -> None:
        """Once, as the server answers, what trainings before this one could not send goes out too."""
        os.fsync(self._handle)
        first = self.run_id is None
        if first and self._late:  # on a full disk not even the start is kept yet
            return
        self.run_id = self.run_id or run_of(self.client, self.root, self.path)
        send(self.client, self.path, self.run_id)
        if first and not self._closing.is_set():
            sync(self.client, self.root)


@contextlib.contextmanager
def reported(root: Path, experiment: str, token: str) -> Iterator[Outbox]:
    """An outbox for the run with this token; the run ends FINISHED, KILLED or FAILED.

    Raises TrackingError for a tracking store that cannot be used; one that does not answer just now is waited for.
    """
    client = reach(root, experiment) or MlflowClient()
    with impatient():
        box = Outbox(client, root, experiment, token)
        try:
            yield box
            box.end("FINISHED")
        except BaseException as exc:
            box.end("KILLED" if isinstance(exc, KeyboardInterrupt) else "FAILED")
            raise
        finally:
            box.close(PATIENCE)
