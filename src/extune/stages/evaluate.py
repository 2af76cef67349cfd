"""evaluate: a registered version is measured as it will be served."""

import csv
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..baseline import memorise
from ..config import Config
from ..errors import ConfigError, TrackingError
from ..extract import Extraction, batches, from_json
from ..files import read_json
from ..lineage import md5
from ..records import Record
from ..report import LossRow
from ..score import Score, count_invalid, count_problems, known_mentions, score, summary
from ..tasks import Task, task
from .certainty import assess
from .data import RECORDS, read_records
from .outcome import REPORTS, Outcome, keep, pairs, publish, rounded, write
from .register import REGISTERED, asking
from .training import CURVE

SHOWN = ("precision", "recall", "f1", "f1_low", "f1_high", "exact_match", "parse_rate", "invented_spans", "baseline_f1")
"""What the command prints; metrics/eval.json and the report have the rest."""


def evaluate(config: Config, root: Path) -> dict[str, Any]:
    """Measure the version that was registered last; write figures, plots, predictions and the report.

    The figures also go to the version's run and onto the version, which `promote` asks for.
    """
    from ..tracking import connect, leave_outer_run

    leave_outer_run()
    client = connect(root, config.tracking.experiment)
    version = read_json(root / REGISTERED, "Run `dvc repro register`")
    return measure_version(client, config, root, version, root, read_curve(root / CURVE))


def read_curve(path: Path) -> list[LossRow]:
    """The loss curve of a training, for the report."""
    with open(path, encoding="utf-8") as handle:
        return [{"step": int(row["step"]), "loss": float(row["loss"])} for row in csv.DictReader(handle)]


def measure_version(
    client: Any, config: Config, root: Path, version: Mapping[str, Any], into: Path, loss: Sequence[LossRow] = ()
) -> dict[str, Any]:
    """Measure a version, as models/registered.json describes it, on data/records of the project.

    Figures go onto the version and its run; metrics/, plots/ and reports/ are written below `into`. Raises ConfigError
    for a version of another task, TrackingError for one that is not there.
    """
    model, tags = _loaded(client, version)
    asked = _same_task(config, version, tags)
    measured = _measured(model, config, root, asked)
    sure = assess(measured, asked)
    figures = {split: _flat(m) | rounded(sure.figures[split]) for split, m in measured.items()}
    data = {split: md5(root / RECORDS / f"{split}.jsonl") for split in measured}
    outcome = Outcome(version, tags, asked, data, measured, figures, sure, loss)
    write(into, outcome)
    publish(client, into, outcome)
    keep(client, into, outcome)
    shown = {split: {name: row[name] for name in SHOWN} for split, row in figures.items()}
    report = (into / REPORTS / "index.html").relative_to(root)
    return {"version": version["version"], **shown, "report": str(report)}


def _same_task(config: Config, version: Mapping[str, Any], tags: Mapping[str, str]) -> Task:
    wanted, known = config.task.name, tags.get("task", "no task")
    if known != wanted:
        raise ConfigError(
            f"{version['name']}/{version['version']} answers {known}, and data/records were prepared for {wanted}",
            remedy="Name another --model, or run `dvc repro prepare` for its task",
        )
    return task(wanted)


def _measured(model: Any, config: Config, root: Path, asked: Task) -> dict[str, Any]:
    """What there is and what was found in each split, scored, beside the memorising baseline."""
    train = read_records(root, "train")
    remember, seen = memorise(train, asked), known_mentions(train, asked)
    measured: dict[str, Any] = {}
    for split in config.evaluate.splits:
        gold = read_records(root, split)[: config.evaluate.limit]
        found, seconds = _predicted(model, gold, split, config.decode.batch_size)
        recalled = [asked.with_items(record, remember(record)) for record in gold]
        measured[split] = {
            "metrics": _summary(score(pairs(gold, found), asked, seen), [e.problems for e in found], config),
            "baseline": _summary(score(zip(gold, recalled, strict=True), asked, seen), None, config),
            "seconds": seconds,
            "gold": gold,
            "found": found,
        }
    return measured


def _loaded(client: Any, version: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """The registered model and the version's tags, if the store's version of that number is the one described.

    Its confidences are as generated, even if it was evaluated before: calibration is fitted to those.
    """
    import mlflow

    from ..tracking import without_advice

    uri = f"models:/{version['name']}/{version['version']}"
    try:
        found = client.get_model_version(version["name"], str(version["version"]))
        if not str(found.source).endswith(version["model_id"]):
            raise mlflow.exceptions.MlflowException("another model has that number")
        with without_advice():
            return mlflow.pyfunc.load_model(uri, model_config={"calibration": {}}), dict(found.tags)
    except mlflow.exceptions.MlflowException as exc:
        raise TrackingError(
            f"{uri} is not in the registry ({str(exc).splitlines()[0]})",
            remedy="Register the adapter again: `dvc repro -f -s register`, then `dvc repro`",
        ) from exc


def _predicted(model: Any, gold: Sequence[Record], name: str, size: int) -> tuple[list[Extraction], float]:
    """Extractions of the registered model, in order, and the seconds they took."""
    import pandas
    from tqdm import tqdm

    found: list[Extraction] = []
    began = time.monotonic()
    with tqdm(total=len(gold), desc=f"extract {name}", unit="doc") as bar:
        for batch in batches(gold, 2 * size):
            rows = model.predict(pandas.DataFrame([{**asking(record), "id": record.id} for record in batch]))
            found += [from_json(json.loads(row), r.text) for row, r in zip(rows, batch, strict=True)]
            bar.update(len(batch))
    return found, time.monotonic() - began


def _summary(scored: Score, problems: Any, config: Config) -> dict[str, Any]:
    counted = {} if problems is None else count_problems(problems) | count_invalid(problems)
    return summary(scored, counted, config.evaluate.resamples, config.seed)


def _flat(measured: Mapping[str, Any]) -> dict[str, float]:
    return {**rounded(measured["metrics"]), "baseline_f1": round(measured["baseline"]["f1"], 6)}
