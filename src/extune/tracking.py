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
from mlflow.entities import DatasetInput, InputTag, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags

from .errors import TrackingError

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
    try:
        with impatient():
            yield
    except Exception as exc:
        parts = urlsplit(uri).netloc.rpartition("@")
        reason = str(exc).replace("".join(parts), parts[2]).strip().splitlines()[0][:200]
        raise TrackingError(
            f"the tracking server does not answer ({reason})",
            where=public(uri),
            remedy="Start it, correct MLFLOW_TRACKING_URI, or unset it to use mlflow.db in the project",
        ) from exc


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """One more try and 10 seconds a request, unless the environment says otherwise; MLflow's own is minutes."""
    patience = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    fresh = [name for name in patience if name not in os.environ]
    os.environ.update({name: patience[name] for name in fresh})
    try:
        yield
    finally:
        for name in fresh:
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


TOKEN = "extune.token"


def open_run(client: MlflowClient, experiment: str, token: str) -> str:
    """The id of the run to report to, set RUNNING: the one that has this token, else `mlflow run`'s, else a new one.

    The token is noted before the run is made, so that a training killed in between finds its run again.
    """
    given, known = os.environ.pop("MLFLOW_RUN_ID", None), find_run(client, experiment, token)
    if given is None and known is None:
        place = client.get_experiment_by_name(experiment).experiment_id
        return str(client.create_run(place, tags={**resolve_tags(), TOKEN: token}).info.run_id)
    if given and known and given != known:
        client.set_tag(given, "extune.continues", known)
    run_id = str(known or given)
    client.set_tag(run_id, TOKEN, token)
    client.update_run(run_id, status="RUNNING")
    return run_id


def find_run(client: MlflowClient, experiment: str, token: str) -> str | None:
    """The id of the run with this token; None if this store has none."""
    place = client.get_experiment_by_name(experiment).experiment_id
    found = client.search_runs([place], f"tags.`{TOKEN}` = '{token}'", max_results=1)
    return str(found[0].info.run_id) if found else None


def has_run(client: MlflowClient, run_id: str) -> bool:
    """Whether this store knows the run."""
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as exc:
        if exc.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise


def log_data(client: MlflowClient, run_id: str, name: str, digest: str, context: str) -> None:
    """Record a data file as an input of the run, with the digest DVC knows it by."""
    data = DatasetEntity(name=name, digest=digest, source_type="local", source=f'{{"uri": "{name}"}}')
    tags = [InputTag("mlflow.data.context", context), InputTag("dvc.md5", digest)]
    client.log_inputs(run_id, datasets=[DatasetInput(data, tags)])


def log_params(client: MlflowClient, run_id: str, values: Mapping[str, Any]) -> None:
    """Parameters that are not on the run yet."""
    known = client.get_run(run_id).data.params
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in values.items() if key not in known])


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
