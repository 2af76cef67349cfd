"""What a version's run keeps of its evaluation, so that versions can be held against each other later.

`evaluation/NAME/VERSION/` of the run has evaluation.json ({task, data: {split: md5}, figures: {split: {name: value}}}),
SPLIT.jsonl (predictions as reports/ has them), SPLIT.counts.jsonl ({id, tp, predicted, gold, labels}) and, where dev
was measured, calibration.json.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .errors import DataError, TrackingError
from .files import read_json, read_jsonl, write_json, write_jsonl
from .gate import CountRow, Figures
from .records import Record
from .score import Counts, count, count_labels
from .tasks import Task

log = logging.getLogger(__name__)

FOLDER, SUMMARY, CALIBRATION = "evaluation", "evaluation.json", "calibration.json"
AGAIN = "Evaluate it again: `extune evaluate --model models:/NAME/VERSION`"


def count_rows(pairs: Iterable[tuple[Record, Record]], task: Task) -> Iterator[dict[str, Any]]:
    """Counts of each (gold, predicted) document, in all and by label: what pairing two versions needs."""
    for gold, predicted in pairs:
        labels = {name: _row(counts) for name, counts in count_labels(gold, predicted, task).items()}
        tp, found, wanted = _row(count(gold, predicted, task))
        yield {"id": gold.id, "tp": tp, "predicted": found, "gold": wanted, "labels": labels}


def _row(counts: Counts) -> CountRow:
    return counts.tp, counts.predicted, counts.gold


def keep(
    client: MlflowClient, version: Mapping[str, Any], summary: Mapping[str, Any],
    counts: Mapping[str, Iterable[Mapping[str, Any]]], predictions: Sequence[Path],
) -> None:  # fmt: skip
    """Store an evaluation with the run of the version: `summary` as the module says, `counts` by split."""
    place = _place(version["name"], version["version"])
    with tempfile.TemporaryDirectory() as scratch:
        write_json(Path(scratch) / SUMMARY, summary)
        for split, rows in counts.items():
            write_jsonl(Path(scratch) / f"{split}.counts.jsonl", rows)
        client.log_artifacts(version["run_id"], scratch, place)
    for path in predictions:
        client.log_artifact(version["run_id"], str(path), place)


def _place(name: str, version: str | int) -> str:
    return f"{FOLDER}/{name}/{version}"


def figures(client: MlflowClient, name: str, version: str, split: str) -> Figures:
    """What the gate looks at. Raises TrackingError for a version whose run keeps no evaluation of that split."""
    run_id = str(client.get_model_version(name, version).run_id)
    with tempfile.TemporaryDirectory() as scratch:
        known = read_json(fetch(client, run_id, f"{_place(name, version)}/{SUMMARY}", Path(scratch)))
        path = fetch(client, run_id, f"{_place(name, version)}/{split}.counts.jsonl", Path(scratch))
        rows = list(read_jsonl(path))
    metrics = {f"{part}.{key}": value for part, values in known["figures"].items() for key, value in values.items()}
    documents = {row["id"]: (row["tp"], row["predicted"], row["gold"]) for row in rows}
    if len(documents) < len(rows):
        raise DataError(f"{len(rows) - len(documents)} ids of {name}/{version} in {split} occur twice", remedy=AGAIN)
    return Figures(f"{name}/{version}", known["data"].get(split, ""), metrics, documents, _labels(rows))


def _labels(rows: Iterable[Mapping[str, Any]]) -> dict[str, CountRow]:
    totals: dict[str, CountRow] = {}
    for row in rows:
        for name, (tp, predicted, gold) in row["labels"].items():
            before = totals.get(name, (0, 0, 0))
            totals[name] = (before[0] + tp, before[1] + predicted, before[2] + gold)
    return totals


def calibration(client: MlflowClient, name: str, version: str) -> dict[str, Any]:
    """What the last evaluation of a version fitted its confidences by; {} where there is none.

    The version is of use without it, so a run that is gone is a warning.
    """
    run_id, place = str(client.get_model_version(name, version).run_id), _place(name, version)
    try:
        kept = {item.path for item in client.list_artifacts(run_id, place)}
    except MlflowException as exc:
        reason = str(exc).splitlines()[0]
        log.warning("confidences of %s/%s are not calibrated: no run %s (%s)", name, version, run_id, reason)
        return {}
    if f"{place}/{CALIBRATION}" not in kept:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        return dict(read_json(fetch(client, run_id, f"{place}/{CALIBRATION}", Path(scratch))))


def predictions(client: MlflowClient, name: str, version: str, split: str, into: Path) -> tuple[Path, str]:
    """The predictions of a registered version as a file below `into`, and the task they are of."""
    return _predictions(client, str(client.get_model_version(name, version).run_id), _place(name, version), split, into)


def run_predictions(client: MlflowClient, run_id: str, split: str, into: Path) -> tuple[Path, str]:
    """As `predictions`, of the one version that this run evaluated. Raises TrackingError where there are others."""
    try:
        models = [item.path for item in client.list_artifacts(run_id, FOLDER)]
        places = [item.path for model in models for item in client.list_artifacts(run_id, model)]
    except MlflowException as exc:
        raise TrackingError(f"no run {run_id} ({str(exc).splitlines()[0]})") from None
    if len(places) != 1:
        known = ", ".join(f"models:/{place.removeprefix(f'{FOLDER}/')}" for place in sorted(places))
        raise TrackingError(
            f"run {run_id} keeps {len(places)} evaluations", remedy=f"Name one: {known}" if known else AGAIN
        )
    return _predictions(client, run_id, places[0], split, into)


def _predictions(client: MlflowClient, run_id: str, place: str, split: str, into: Path) -> tuple[Path, str]:
    known = read_json(fetch(client, run_id, f"{place}/{SUMMARY}", into))
    return fetch(client, run_id, f"{place}/{split}.jsonl", into), str(known["task"])


def fetch(client: MlflowClient, run_id: str, path: str, into: Path) -> Path:
    """An artifact of a run as a file below `into`. Raises TrackingError if the run has no such artifact."""
    try:
        return Path(client.download_artifacts(run_id, path, str(into)))
    except (MlflowException, OSError) as exc:
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise TrackingError(f"run {run_id} keeps no {path} ({reason})", remedy=AGAIN) from None
