"""register and evaluate: the adapter becomes a registered version, and that version is measured."""

import csv
import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..artefact import read_spec
from ..baseline import memorise
from ..config import Config
from ..errors import TrackingError
from ..extract import Extraction, batches, from_json
from ..files import atomic, read_json, write_csv, write_json, write_jsonl
from ..lineage import git_state, md5
from ..prompt import PROMPT_VERSION
from ..records import Record, record_to_json
from ..report import LossRow, Report, document_row, page
from ..score import Score, count_invalid, count_problems, known_mentions, score, summary
from ..tasks import Task, task
from .certainty import CALIBRATION, Certainty, assess, write_certainty
from .data import RECORDS, SFT, read_records
from .training import ADAPTER, CURVE, RUN, chosen_params

log = logging.getLogger(__name__)

REGISTERED, FIGURES, REPORTS = Path("models/registered.json"), Path("metrics/eval.json"), Path("reports")
LABELS = Path("plots/labels.csv")


def register(config: Config, root: Path) -> dict[str, Any]:
    """Register models/adapter; write models/registered.json.

    The adapter that DVC holds is the source of truth: where the store does not know its run (it was deleted, or this is
    another server) a new run is made for it, tagged with the old id.
    """
    from ..registry import register as register_version
    from ..tracking import connect, has_run, leave_outer_run

    leave_outer_run()
    client = connect(root, config.tracking.experiment)
    trained = read_json(root / RUN, "Run `dvc repro train`")
    run_id = trained["run_id"]
    if not has_run(client, run_id):
        run_id = _new_run(client, config, root, run_id)
    known = register_version(
        client,
        config.tracking.model,
        root / ADAPTER,
        run_id,
        _tags(config, root, trained),
        _example(config, root),
        config.decode.model_dump(),
    )
    write_json(root / REGISTERED, known)
    return {**known, "load": f"models:/{known['name']}/{known['version']}"}


def _new_run(client: Any, config: Config, root: Path, old: str) -> str:
    from ..tracking import log_data, log_params, run

    log.warning("the tracking store does not know run %s: registering the adapter under a new run", old)
    tags = {**git_state(root), "source.run_id": old}
    with run(client, config.tracking.experiment, tags) as run_id:
        log_params(client, run_id, chosen_params(config, read_spec(root / ADAPTER).base["fingerprint"]))
        log_data(client, run_id, root / SFT / "train.jsonl", str(SFT / "train.jsonl"), "training")
    return run_id


def _tags(config: Config, root: Path, trained: Mapping[str, Any]) -> dict[str, str]:
    base = read_spec(root / ADAPTER).base
    return {
        "adapter.sha256": trained["adapter_sha256"],
        "base.name": base["name"],
        "base.fingerprint": base["fingerprint"],
        "data.train.md5": md5(root / SFT / "train.jsonl"),
        "prompt.version": PROMPT_VERSION,
        "task": config.task.name,
        "notation": config.task.notation,
        **git_state(root),
    }


def _example(config: Config, root: Path) -> dict[str, str]:
    """A row of the training data with something in it, to show what one looks like."""
    asked = task(config.task.name)
    return next((_row(record) for record in read_records(root, "train") if asked.items(record)), {"text": ""})


def _row(record: Record) -> dict[str, str]:
    return {"text": record.text, **({"question": record.qa.question} if record.qa else {})}


SHOWN = ("precision", "recall", "f1", "f1_low", "f1_high", "exact_match", "parse_rate", "invented_spans", "baseline_f1")
"""What the command prints; metrics/eval.json and the report have the rest."""


def evaluate(config: Config, root: Path) -> dict[str, Any]:
    """Measure the registered version as it will be served; write figures, plots, predictions and the report.

    The figures also go to the version's run and onto the version, which `promote` asks for.
    """
    from ..tracking import connect, leave_outer_run

    leave_outer_run()
    client = connect(root, config.tracking.experiment)
    version = read_json(root / REGISTERED, "Run `dvc repro register`")
    predict = _loaded(client, version)
    asked = task(config.task.name)
    train = read_records(root, "train")
    remember, seen = memorise(train, asked), known_mentions(train, asked)
    measured: dict[str, Any] = {}
    for split in config.evaluate.splits:
        gold = read_records(root, split)[: config.evaluate.limit]
        found, seconds = _predicted(predict, gold, split, config.decode.batch_size)
        recalled = [asked.with_items(record, remember(record)) for record in gold]
        measured[split] = {
            "metrics": _summary(score(_pairs(gold, found), asked, seen), [e.problems for e in found], config),
            "baseline": _summary(score(zip(gold, recalled, strict=True), asked, seen), None, config),
            "seconds": seconds,
            "gold": gold,
            "found": found,
        }
    sure = assess(measured, asked)
    figures = {split: _flat(m) | _rounded(sure.figures[split]) for split, m in measured.items()}
    _write(root, config, version, measured, figures, asked, sure)
    _publish(client, root, version, measured, figures)
    _keep(client, root, version, measured, figures, asked)
    shown = {split: {name: row[name] for name in SHOWN} for split, row in figures.items()}
    return {"version": version["version"], **shown, "report": str(REPORTS / "index.html")}


def _loaded(client: Any, version: Mapping[str, Any]) -> Any:
    """The registered model, if the store's version of that number is the one that was registered."""
    import mlflow

    from ..tracking import without_advice

    uri = f"models:/{version['name']}/{version['version']}"
    try:
        if not str(client.get_model_version(version["name"], version["version"]).source).endswith(version["model_id"]):
            raise mlflow.exceptions.MlflowException("another model has that number")
        with without_advice():
            return mlflow.pyfunc.load_model(uri)
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
            rows = model.predict(pandas.DataFrame([{**_row(record), "id": record.id} for record in batch]))
            found += [from_json(json.loads(row), r.text) for row, r in zip(rows, batch, strict=True)]
            bar.update(len(batch))
    return found, time.monotonic() - began


def _pairs(gold: Sequence[Record], found: Sequence[Extraction]) -> Any:
    return zip(gold, (extraction.record for extraction in found), strict=True)


def _summary(scored: Score, problems: Any, config: Config) -> dict[str, Any]:
    counted = {} if problems is None else count_problems(problems) | count_invalid(problems)
    return summary(scored, counted, config.evaluate.resamples, config.seed)


def _flat(measured: Mapping[str, Any]) -> dict[str, float]:
    return {**_rounded(measured["metrics"]), "baseline_f1": round(measured["baseline"]["f1"], 6)}


def _rounded(figures: Mapping[str, Any]) -> dict[str, float]:
    return {k: round(v, 6) for k, v in figures.items() if isinstance(v, int | float)}


def _write(
    root: Path, config: Config, version: Mapping[str, Any], measured: Mapping[str, Any],
    figures: Mapping[str, Any], asked: Task, sure: Certainty,
) -> None:  # fmt: skip
    write_json(root / FIGURES, figures)
    write_certainty(root, sure)
    last = list(measured)[-1]
    columns = ("label", "f1", "precision", "recall", "gold", "predicted")
    write_csv(root / LABELS, columns, measured[last]["metrics"]["per_label"])
    for split, m in measured.items():
        write_jsonl(
            root / REPORTS / f"{split}.jsonl", (_prediction(g, e) for g, e in zip(m["gold"], m["found"], strict=True))
        )
    with atomic(root / REPORTS / "index.html") as handle:
        handle.write(page({**_report(root, config, version, measured, asked), "confidence": sure.shown}))


def _prediction(gold: Record, extraction: Extraction) -> dict[str, Any]:
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


def _report(root: Path, config: Config, version: Mapping[str, Any], measured: Mapping[str, Any], asked: Task) -> Report:
    base = read_spec(root / ADAPTER).base
    with open(root / CURVE, encoding="utf-8") as handle:
        loss: list[LossRow] = [{"step": int(row["step"]), "loss": float(row["loss"])} for row in csv.DictReader(handle)]
    return {
        "model": f"{version['name']}/{version['version']}",
        "task": asked.name,
        "base": base["name"],
        "splits": {
            split: {
                "metrics": m["metrics"],
                "baseline": m["baseline"],
                "documents": [document_row(g, e, asked) for g, e in zip(m["gold"], m["found"], strict=True)],
            }
            for split, m in measured.items()
        },
        "loss": loss,
        "stages": [],
        "facts": {
            "training data (md5)": md5(root / SFT / "train.jsonl"),
            "test data (md5)": md5(root / RECORDS / "test.jsonl"),
            "base (fingerprint)": base["fingerprint"][:16],
            "prompt": PROMPT_VERSION,
            "notation": config.task.notation,
            "adapter (sha256)": read_json(root / RUN)["adapter_sha256"][:16],
        },
    }


def _publish(
    client: Any, root: Path, version: Mapping[str, Any], measured: Mapping[str, Any], figures: Mapping[str, Any]
) -> None:
    """The figures onto the run, the logged model and the version; report and predictions as artifacts."""
    import mlflow

    from ..registry import EVALUATED

    run_id, name, number = version["run_id"], version["name"], str(version["version"])
    flat = {f"{split}.{key}": float(value) for split, values in figures.items() for key, value in values.items()}
    speed = {f"{split}.documents_per_second": _speed(m) for split, m in measured.items()}
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics({**flat, **speed}, model_id=version["model_id"])
        mlflow.log_artifact(str(root / REPORTS / "index.html"), "report")
        for split, m in measured.items():
            mlflow.log_table(_table(m), f"predictions_{split}.json")
    for key, value in flat.items():
        if key.endswith((".f1", ".f1_low", ".f1_high", ".invented_spans", ".parse_rate", ".ece_calibrated")):
            client.set_model_version_tag(name, number, key, str(value))
    client.set_model_version_tag(name, number, EVALUATED, md5(root / RECORDS / "test.jsonl"))


def _speed(m: Mapping[str, Any]) -> float:
    """Texts a second."""
    return float(len(m["gold"]) / max(m["seconds"], 1e-9))


def _keep(
    client: Any, root: Path, version: Mapping[str, Any], measured: Mapping[str, Any], figures: Mapping[str, Any],
    asked: Task,
) -> None:  # fmt: skip
    """Counts and predictions with the version's run, so that `promote` and `compare` can pair two versions."""
    from ..evaluation import count_rows, keep

    known = {
        "task": asked.name,
        "data": {split: md5(root / RECORDS / f"{split}.jsonl") for split in measured},
        "figures": {split: {**figures[split], "documents_per_second": _speed(m)} for split, m in measured.items()},
    }
    counts = {split: count_rows(_pairs(m["gold"], m["found"]), asked) for split, m in measured.items()}
    kept = [*(root / REPORTS / f"{split}.jsonl" for split in measured), root / CALIBRATION]
    keep(client, version, known, counts, kept)


def _table(m: Mapping[str, Any]) -> dict[str, list[Any]]:
    rows = [_prediction(g, e) for g, e in zip(m["gold"], m["found"], strict=True)]
    return {key: [json.dumps(r[key], ensure_ascii=False) if key != "text" else r[key] for r in rows]
            for key in ("id", "text", "gold", "predicted", "raw", "problems")}  # fmt: skip
