"""Where compared predictions come from, and a comparison as MLflow shows it.

MLflow is imported where it is needed only: files are compared without it.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..files import write_json
from ..tasks import Task
from .figures import spelled
from .page import page
from .sides import Side

FIGURES = ("precision", "recall", "f1", "f1_low", "f1_high", "exact_match", "invented_spans", "problems")
DIFFERENCES = ("difference", "low", "high", "p_bootstrap", "p_randomisation")


def stored(address: str) -> bool:
    """Whether an address is one of the tracking store, not a file."""
    return address.startswith(("models:/", "runs:/", "@"))


def located(
    addresses: Sequence[str], client: Callable[[], Any], model: str, split: str, into: Path
) -> tuple[list[Path], str | None]:
    """The prediction file of each address, and the task of those that know it.

    `models:/NAME/7`, `models:/NAME@alias`, `@alias` of `model`, `runs:/ID`, `runs:/ID/an/artifact.jsonl`, or a file.
    Raises TrackingError for what the store lacks, DataError for systems of different tasks.
    """
    found = [_located(a, client, model, split, into / str(number)) for number, a in enumerate(addresses)]
    tasks = {task: address for (_, task), address in zip(found, addresses, strict=True) if task}
    if len(tasks) > 1:
        what = ", ".join(f"{address} answers {task}" for task, address in tasks.items())
        raise DataError(f"different tasks: {what}", remedy="Compare systems of one task")
    return [path for path, _ in found], next(iter(tasks), None)


def _located(address: str, client: Callable[[], Any], model: str, split: str, into: Path) -> tuple[Path, str | None]:
    if not stored(address):
        return Path(address), None
    from ..evaluation import fetch, predictions, run_predictions
    from ..registry import resolve

    into.mkdir()
    if address.startswith("runs:/"):
        run_id, _, artifact = address.removeprefix("runs:/").partition("/")
        if artifact:
            return fetch(client(), run_id, artifact, into), None
        return run_predictions(client(), run_id, split, into)
    uri = f"models:/{model}{address}" if address.startswith("@") else address
    return predictions(client(), *resolve(client(), uri), split, into)


def log(experiment: str, comparison: Mapping[str, Any], sides: Sequence[Side], task: Task) -> str:
    """A run `compare` with the table of documents, page and JSON, and below it a run for each system; its id.

    The systems' runs have figures and a table of the same names, which is what the UI lays side by side.
    """
    import mlflow

    names = {str(number): side.name for number, side in enumerate(sides, 1)}
    ids = [key for key in sides[0].documents if all(key in side.documents for side in sides)]
    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name="compare", tags={"extune.compare": " | ".join(names.values())}) as parent:
        mlflow.log_params({"task": task.name, **{f"system.{number}": name for number, name in names.items()}})
        for number, row in enumerate(comparison["against"], 2):
            mlflow.log_metrics({f"{number}.{name}": float(row[name]) for name in DIFFERENCES})
            mlflow.log_metrics({f"{number}.{name}": float(len(row[name])) for name in ("gained", "lost")})
        _log_files(comparison)
        mlflow.log_table(_together(sides, ids, task), "comparison.json")
        for side, figures in zip(sides, comparison["sides"], strict=True):
            with mlflow.start_run(run_name=side.name, nested=True):
                mlflow.log_metrics({name: float(figures[name]) for name in FIGURES})
                mlflow.log_table(_alone(side, ids, task), "predictions.json")
    return str(parent.info.run_id)


def _log_files(comparison: Mapping[str, Any]) -> None:
    import mlflow

    with tempfile.TemporaryDirectory() as scratch:
        write_json(Path(scratch) / "comparison.json", comparison)
        (Path(scratch) / "comparison.html").write_text(page(comparison), encoding="utf-8")
        mlflow.log_artifacts(scratch, "report")


def _together(sides: Sequence[Side], ids: Sequence[str], task: Task) -> dict[str, list[Any]]:
    """One row a document, two columns a system; numbered, since names may be equal.

    MLflow's UI takes a dot in a column's name for a path into its values, and shows nothing.
    """
    columns = _documents(sides[0], ids, task)
    for number, side in enumerate(sides, 1):
        name = side.name.replace(".", "_")
        columns[f"{number}: {name}"] = [_spelled(side, key, "predicted", task) for key in ids]
        columns[f"{number}: right"] = [_right(side, key, task) for key in ids]
    return columns


def _alone(side: Side, ids: Sequence[str], task: Task) -> dict[str, list[Any]]:
    return {
        **_documents(side, ids, task),
        "predicted": [_spelled(side, key, "predicted", task) for key in ids],
        "right": [_right(side, key, task) for key in ids],
    }


def _documents(side: Side, ids: Sequence[str], task: Task) -> dict[str, list[Any]]:
    return {
        "id": list(ids),
        "text": [side.documents[key].gold.text for key in ids],
        "gold": [_spelled(side, key, "gold", task) for key in ids],
    }


def _keys(side: Side, key: str, part: str, task: Task) -> set[tuple[str, ...]]:
    return {task.key(item) for item in task.items(getattr(side.documents[key], part))}


def _spelled(side: Side, key: str, part: str, task: Task) -> str:
    return "; ".join(sorted(map(spelled, _keys(side, key, part, task))))


def _right(side: Side, key: str, task: Task) -> str:
    return "right" if _keys(side, key, "gold", task) == _keys(side, key, "predicted", task) else "wrong"
