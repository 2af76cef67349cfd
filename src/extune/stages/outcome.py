"""What an evaluation leaves: files of figures, plots, predictions and the report, and the same on run and version."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..extract import Extraction
from ..files import atomic, write_csv, write_json, write_jsonl
from ..records import Record, record_to_json
from ..report import LossRow, Report, document_row, page
from ..tasks import Task
from .certainty import CALIBRATION, FITTED_ON, Certainty, write_certainty

FIGURES, REPORTS, LABELS = Path("metrics/eval.json"), Path("reports"), Path("plots/labels.csv")
ON_VERSION = (".f1", ".f1_low", ".f1_high", ".invented_spans", ".parse_rate", ".ece_calibrated")
"""Figures that a version has as tags."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An evaluation of `version` (name, version, model_id, run_id), which was registered with `tags`.

    By split: `data` the md5 of its records; `measured` {metrics, baseline, seconds, gold, found}; `figures` numbers.
    """

    version: Mapping[str, Any]
    tags: Mapping[str, str]
    task: Task
    data: Mapping[str, str]
    measured: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, float]]
    sure: Certainty
    loss: Sequence[LossRow] = ()

    @property
    def last(self) -> str:
        """The split that plots and report are of."""
        return list(self.measured)[-1]


def pairs(gold: Sequence[Record], found: Sequence[Extraction]) -> Iterator[tuple[Record, Record]]:
    """(gold, predicted) documents."""
    return zip(gold, (extraction.record for extraction in found), strict=True)


def rounded(figures: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among figures, six decimals."""
    return {k: round(v, 6) for k, v in figures.items() if isinstance(v, int | float)}


def write(into: Path, outcome: Outcome) -> None:
    """metrics/, plots/ and reports/ below a folder."""
    write_json(into / FIGURES, outcome.figures)
    write_certainty(into, outcome.sure)
    columns = ("label", "f1", "precision", "recall", "gold", "predicted")
    write_csv(into / LABELS, columns, outcome.measured[outcome.last]["metrics"]["per_label"])
    for split, m in outcome.measured.items():
        write_jsonl(into / REPORTS / f"{split}.jsonl", _predictions(m))
    with atomic(into / REPORTS / "index.html") as handle:
        handle.write(page({**_report(outcome), "confidence": outcome.sure.shown}))


def _predictions(m: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (prediction(g, e) for g, e in zip(m["gold"], m["found"], strict=True))


def prediction(gold: Record, extraction: Extraction) -> dict[str, Any]:
    """A line of reports/SPLIT.jsonl."""
    return {
        "id": gold.id,
        "text": gold.text,
        "gold": _annotations(gold),
        "predicted": _annotations(extraction.record),
        "raw": list(extraction.raw),
        "problems": list(extraction.problems),
    }


def _annotations(record: Record) -> dict[str, Any]:
    """The neutral form of a record's items alone."""
    row = record_to_json(record)
    return {name: row[name] for name in ("entities", "relations", "events", "qa", "graph") if name in row}


def _report(outcome: Outcome) -> Report:
    tags, asked = outcome.tags, outcome.task
    return {
        "model": f"{outcome.version['name']}/{outcome.version['version']}",
        "task": asked.name,
        "base": tags["base.name"],
        "splits": {
            split: {
                "metrics": m["metrics"],
                "baseline": m["baseline"],
                "documents": [document_row(g, e, asked) for g, e in zip(m["gold"], m["found"], strict=True)],
            }
            for split, m in outcome.measured.items()
        },
        "loss": outcome.loss,
        "stages": [],
        "facts": {
            "training data (md5)": tags["data.train.md5"],
            f"{outcome.last} data (md5)": outcome.data[outcome.last],
            "base (fingerprint)": tags["base.fingerprint"][:16],
            "prompt": tags["prompt.version"],
            "notation": tags["notation"],
            "adapter (sha256)": tags["adapter.sha256"][:16],
        },
    }


def publish(client: Any, into: Path, outcome: Outcome) -> None:
    """The figures onto the run, the logged model and the version; report and predictions as artifacts."""
    import mlflow

    from ..registry import EVALUATED

    run_id, name, number = (str(outcome.version[key]) for key in ("run_id", "name", "version"))
    flat = {f"{split}.{key}": float(value) for split, row in outcome.figures.items() for key, value in row.items()}
    speed = {f"{split}.documents_per_second": _speed(m) for split, m in outcome.measured.items()}
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics({**flat, **speed}, model_id=outcome.version["model_id"])
        mlflow.log_artifact(str(into / REPORTS / "index.html"), "report")
        for split, m in outcome.measured.items():
            _log_table(client, run_id, _table(m), f"predictions_{split}.json")
    for key, value in flat.items():
        if key.endswith(ON_VERSION):
            client.set_model_version_tag(name, number, key, str(value))
    client.set_model_version_tag(name, number, EVALUATED, outcome.data[outcome.last])


def _log_table(client: Any, run_id: str, table: Mapping[str, list[Any]], name: str) -> None:
    """In place of the table of an earlier evaluation, to which MLflow's own `log_table` would append."""
    if name not in {item.path for item in client.list_artifacts(run_id)}:
        client.log_table(run_id, dict(table), name)
    else:
        client.log_dict(run_id, {"columns": list(table), "data": list(zip(*table.values(), strict=True))}, name)


def _speed(m: Mapping[str, Any]) -> float:
    """Texts a second."""
    return float(len(m["gold"]) / max(m["seconds"], 1e-9))


def keep(client: Any, into: Path, outcome: Outcome) -> None:
    """Counts and predictions with the version's run, so that `promote` and `compare` can pair two versions.

    Calibration too, unless dev was left out this time: an earlier one is better than none.
    """
    from ..evaluation import count_rows
    from ..evaluation import keep as store

    measured = outcome.measured
    known = {
        "task": outcome.task.name,
        "data": dict(outcome.data),
        "figures": {
            split: {**outcome.figures[split], "documents_per_second": _speed(m)} for split, m in measured.items()
        },
    }
    counts = {split: count_rows(pairs(m["gold"], m["found"]), outcome.task) for split, m in measured.items()}
    fitted = [into / CALIBRATION] if FITTED_ON in measured else []
    store(client, outcome.version, known, counts, [*(into / REPORTS / f"{split}.jsonl" for split in measured), *fitted])


def _table(m: Mapping[str, Any]) -> dict[str, list[Any]]:
    rows = list(_predictions(m))
    return {key: [_cell(row[key]) for row in rows] for key in ("id", "text", "gold", "predicted", "raw", "problems")}


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
