"""What runs reported, sent from the files that `outbox` keeps: in order, each once, whenever the server answers.

A training's file is `.cache/outbox/TOKEN.jsonl`; `.sent` beside it says which run it belongs to and how far it got.
"""

import contextlib
import fcntl
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .errors import NoAnswer, TrackingError
from .tracking import Begun, log_data, log_params, open_run, outage, reason

log = logging.getLogger(__name__)

FOLDER = Path(".cache/outbox")
MOST = 500
"""Metrics in one request; MLflow takes 1,000."""

Report = dict[str, Any]


def reports(path: Path) -> list[Report]:
    """All that a file holds; a line that a kill cut off is none."""
    said = path.read_bytes()
    return [json.loads(line) for line in said[: said.rfind(b"\n") + 1].splitlines()]


def run_of(client: MlflowClient, root: Path, path: Path) -> str:
    """The id of the MLflow run that a file belongs to: made here, begun when the training was, if there is none yet."""
    starts = [report for report in reports(path) if report["kind"] == "start"]
    first, last = starts[0], starts[-1]
    return open_run(client, root, path.stem, Begun(last["experiment"], first["at"], last["tags"], last["given"]))


def send(client: MlflowClient, path: Path, run_id: str) -> int:
    """Send what of a file this run does not have, in order; returns how many lines. Raises as MLflow does."""
    count = 0
    for end, together in _requests(path, run_id):
        kind = together[0]["kind"]
        try:
            SENDERS[kind](client, run_id, path, together)
        except MlflowException as exc:
            if exc.error_code not in REFUSED:
                raise
            log.warning("the tracking server refused %s of run %s: %s", kind, run_id, reason(exc))
        # Not synced: after a loss of power it is sent again, which MLflow's keys make harmless.
        beside = path.with_suffix(".sent.tmp")
        beside.write_text(f"{end} {run_id}", encoding="ascii")
        beside.replace(path.with_suffix(".sent"))
        count += len(together)
    return count


REFUSED = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE")
"""Would be refused again; anything else may pass."""


def _requests(path: Path, run_id: str) -> Iterator[tuple[int, list[Report]]]:
    """Unsent reports, metrics in a row together, each with the place in the file behind them."""
    at = _had(path, run_id)
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


def _sent(path: Path) -> tuple[int, str | None]:
    """How far a file has been sent, and to which run; None before the first."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        at, run_id = path.with_suffix(".sent").read_text(encoding="ascii").split()
        return int(at), run_id
    return 0, None


def _had(path: Path, run_id: str) -> int:
    """How much of a file a run has: nothing if it was sent to another one, which was deleted or is in another store."""
    at, known = _sent(path)
    return at if known == run_id else 0


def complete(path: Path, run_id: str | None) -> bool:
    """Whether the run has all of its file."""
    return run_id is not None and _had(path, run_id) == path.stat().st_size


def _start(client: MlflowClient, run_id: str, path: Path, reports: list[Report]) -> None:
    client.update_run(run_id, status="RUNNING")


def _metrics(client: MlflowClient, run_id: str, path: Path, reports: list[Report]) -> None:
    client.log_batch(
        run_id, metrics=[Metric(k, v, r["at"], r["step"]) for r in reports for k, v in r["values"].items()]
    )


def _params(client: MlflowClient, run_id: str, path: Path, reports: list[Report]) -> None:
    log_params(client, run_id, reports[0]["values"])


def _tags(client: MlflowClient, run_id: str, path: Path, reports: list[Report]) -> None:
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in reports[0]["values"].items()])


def _data(client: MlflowClient, run_id: str, path: Path, reports: list[Report]) -> None:
    log_data(client, run_id, *(reports[0][key] for key in ("name", "digest", "context")))


def _artifact(client: MlflowClient, run_id: str, path: Path, reports: list[Report]) -> None:
    client.log_artifact(run_id, str(path.with_suffix(".files") / reports[0]["name"]))


def _end(client: MlflowClient, run_id: str, path: Path, reports: list[Report]) -> None:
    client.set_terminated(run_id, reports[0]["status"], reports[0]["at"])


SENDERS: dict[str, Callable[[MlflowClient, str, Path, list[Report]], None]] = {
    "start": _start,
    "metrics": _metrics,
    "params": _params,
    "tags": _tags,
    "data": _data,
    "artifact": _artifact,
    "end": _end,
}


def sync(client: MlflowClient, root: Path) -> dict[str, int]:
    """Send what earlier processes could not: how many runs and reports went out, how many runs this store lacks.

    Raises NoAnswer if the server does not answer, TrackingError if it answers with an error.
    """
    counts = {"runs": 0, "reports": 0, "unknown": 0}
    for path in sorted((root / FOLDER).glob("*.jsonl")):
        try:
            sent = _sent_alone(client, root, path)
        except MlflowException as exc:
            if exc.error_code != "RESOURCE_DOES_NOT_EXIST":
                kind = NoAnswer if outage(exc) else TrackingError
                raise kind(
                    f"the tracking server does not take what was kept for it ({reason(exc)})",
                    where=str(path),
                    remedy="`extune sync` goes on where it was",
                ) from exc
            counts["unknown"] += 1
            log.warning("this tracking store does not know run %s; its reports stay in %s", _sent(path)[1], path)
            continue
        counts = {**counts, "runs": counts["runs"] + bool(sent), "reports": counts["reports"] + sent}
    return counts


def _sent_alone(client: MlflowClient, root: Path, path: Path) -> int:
    """Send a run's reports unless its training is about to; one that has finished is forgotten then.

    A run is made for a training that has none in any store; one that is in another store stays there.
    """
    with open(path, "rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        if not reports(path):  # killed before its first one
            return 0
        run_id = _sent(path)[1]
        if run_id:
            client.get_run(run_id)
        count = send(client, path, run_id or run_of(client, root, path))
        if _finished(path):
            _forget(path)
        return count


def forget(root: Path, token: str) -> None:
    """Remove the file of a training whose run has everything: it is done and will not go on."""
    path = root / FOLDER / f"{token}.jsonl"
    if path.is_file() and _finished(path) and complete(path, _sent(path)[1]):
        _forget(path)


def _finished(path: Path) -> bool:
    """Whether the last report is that the run finished: one that was killed may go on."""
    said = reports(path)
    return bool(said) and said[-1].get("status") == "FINISHED"


def _forget(path: Path) -> None:
    shutil.rmtree(path.with_suffix(".files"), ignore_errors=True)
    path.unlink(missing_ok=True)
    path.with_suffix(".sent").unlink(missing_ok=True)
