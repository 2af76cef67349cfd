"""MLflow: where runs are kept, and what a run of ours carries."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
from filelock import FileLock
from mlflow.entities import Dataset as DatasetEntity
from mlflow.entities import DatasetInput, InputTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .errors import TrackingError
from .lineage import md5

log = logging.getLogger(__name__)


def connect(root: Path, experiment: str | None = None) -> MlflowClient:
    """Choose the tracking store and make sure it answers and has the experiment, if one is named.

    MLFLOW_TRACKING_URI, else an absolute sqlite file at the project root, made by one process at a time (MLflow's own
    migrations race). Raises TrackingError if it does not answer.
    """
    own = f"sqlite:///{root / 'mlflow.db'}"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or own
    if uri == own and not (root / "MLproject").is_file():
        raise TrackingError(
            f"{root} is not in a project and MLFLOW_TRACKING_URI is not set",
            remedy="Run inside the project, or set MLFLOW_TRACKING_URI",
        )
    os.environ["MLFLOW_TRACKING_URI"] = uri
    mlflow.set_tracking_uri(uri)
    with _answering(uri), _alone(root) if uri == own else contextlib.nullcontext():
        client = MlflowClient()
        if client.get_experiment_by_name(experiment or "Default") is None and experiment:
            place = (root / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
            client.create_experiment(experiment, artifact_location=place)
    return client


def leave_outer_run() -> None:
    """Forget the run that an outer `mlflow run` opened: what follows belongs to the run of the training."""
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        os.environ.pop(name, None)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    (root / ".cache").mkdir(exist_ok=True)
    with FileLock(root / ".cache" / "tracking.lock"):
        yield


@contextlib.contextmanager
def _answering(uri: str) -> Iterator[None]:
    """Fail in seconds, not minutes, when a tracking server is down."""
    patience = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    before = {name: os.environ.get(name) for name in patience}
    os.environ.update({k: v for k, v in patience.items() if before[k] is None})
    try:
        yield
    except Exception as exc:
        parts = urlsplit(uri).netloc.rpartition("@")
        reason = str(exc).replace("".join(parts), parts[2]).strip().splitlines()[0][:200]
        raise TrackingError(
            f"the tracking server does not answer ({reason})",
            where=public(uri),
            remedy="Start it, correct MLFLOW_TRACKING_URI, or unset it to use mlflow.db in the project",
        ) from exc
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def public(uri: str) -> str:
    """A tracking address without user name and password."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.netloc else uri


@contextlib.contextmanager
def run(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> Iterator[str]:
    """The run that `mlflow run` opened for us, or a new one; its id. It ends FAILED if the body raises."""
    given = os.environ.get("MLFLOW_RUN_ID")
    found = None if given else client.get_experiment_by_name(experiment)
    with mlflow.start_run(run_id=given, experiment_id=found.experiment_id if found else None) as active:
        run_id = str(active.info.run_id)
        for key, value in tags.items():
            client.set_tag(run_id, key, value)
        yield run_id


def has_run(client: MlflowClient, run_id: str) -> bool:
    """Whether this store knows the run."""
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as exc:
        if exc.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise


def log_data(client: MlflowClient, run_id: str, path: Path, name: str, context: str) -> None:
    """Record a data file as an input of the run, with the digest DVC knows it by."""
    digest = md5(path)
    data = DatasetEntity(name=name, digest=digest, source_type="local", source=f'{{"uri": "{name}"}}')
    tags = [InputTag("mlflow.data.context", context), InputTag("dvc.md5", digest)]
    client.log_inputs(run_id, datasets=[DatasetInput(data, tags)])


def log_params(client: MlflowClient, run_id: str, values: Mapping[str, Any]) -> None:
    """Parameters that are not on the run yet."""
    known = client.get_run(run_id).data.params
    for key, value in values.items():
        if key not in known:
            client.log_param(run_id, key, value)


@contextlib.contextmanager
def without_advice() -> Iterator[None]:
    """Without MLflow's advice to write type hints on `predict`: the signature is given, and hints would replace it.

    MLflow sets the warning filters itself, so it is the showing that has to be held back.
    """
    shown = warnings.showwarning

    def show(message: Warning | str, *rest: Any, **more: Any) -> None:
        if "type hint" not in str(message):
            shown(message, *rest, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown
