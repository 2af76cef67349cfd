"""MLflow: where runs are kept, and what a run of ours carries."""

import contextlib
import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import requests
from filelock import FileLock
from mlflow.entities import Dataset as DatasetEntity
from mlflow.entities import DatasetInput, InputTag, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags

from .errors import NoAnswer, TrackingError

log = logging.getLogger(__name__)


def connect(root: Path, experiment: str | None = None) -> MlflowClient:
    """Choose the tracking store and make sure it answers and has the experiment, if one is named.

    MLFLOW_TRACKING_URI, else an absolute sqlite file at the project root, made by one process at a time (MLflow's own
    migrations race). Raises NoAnswer if a server does not answer, TrackingError for a store that cannot be used.
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
    with _usable(uri), _alone(root) if uri == own else contextlib.nullcontext():
        client = MlflowClient()
        if experiment:
            experiment_id(client, root, experiment)
        else:
            client.get_experiment_by_name("Default")
    return client


def reach(root: Path, experiment: str) -> MlflowClient | None:
    """`connect` for who can do without for now: None if the server does not answer at once.

    Raises TrackingError for a mistake, such as a wrong scheme or password.
    """
    with impatient(tries=0, seconds=3):
        try:
            return connect(root, experiment)
        except NoAnswer:
            return None


def experiment_id(client: MlflowClient, root: Path, name: str) -> str:
    """The id of an experiment, which is made where the store has none of this name."""
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    place = (root / "mlartifacts").as_uri() if client.tracking_uri.startswith("sqlite:") else None
    return str(client.create_experiment(name, artifact_location=place))


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
def _usable(uri: str) -> Iterator[None]:
    """Fail in seconds, not minutes, when a tracking server is down; tell that from a mistake."""
    try:
        with impatient():
            yield
    except Exception as exc:
        kind, what, remedy = DOWN if outage(exc) else WRONG
        remedy += ", or unset it to use mlflow.db in the project"
        raise kind(f"{what} ({reason(exc)})", where=public(uri), remedy=remedy) from exc


DOWN = (NoAnswer, "the tracking server does not answer", "Start it, correct MLFLOW_TRACKING_URI")
WRONG = (TrackingError, "the tracking store cannot be used", "Correct MLFLOW_TRACKING_URI, or user name and password")


def outage(exc: BaseException | None) -> bool:
    """Whether a server did not answer, or said that it cannot just now (429, 5xx): it may later.

    MLflow gives all of these the code of an internal error, and keeps what `requests` raised as the cause or context.
    """
    while exc is not None:
        if isinstance(exc, requests.ConnectionError | requests.Timeout | requests.exceptions.RetryError):
            return not isinstance(exc, requests.exceptions.SSLError)
        exc = exc.__cause__ or exc.__context__
    return False


def reason(exc: Exception) -> str:
    """The first line of what a store said, without the user name and password of its address."""
    parts = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", "")).netloc.rpartition("@")
    text = str(exc).replace("".join(parts), parts[2]).strip()
    return text.splitlines()[0][:200] if text else type(exc).__name__


@contextlib.contextmanager
def impatient(tries: int = 1, seconds: int = 10) -> Iterator[None]:
    """So many more tries, and seconds a request, unless the environment says otherwise; MLflow's own is minutes."""
    patience = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(tries), "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds)}
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


class Begun(NamedTuple):
    """A training that begins: where its run belongs, when (milliseconds), its tags, and `mlflow run`'s run, if any."""

    experiment: str
    at: int
    tags: dict[str, str]
    given: str | None


def begun(experiment: str) -> Begun:
    """A training that begins now; the run that `mlflow run` opened for it is taken, so that nobody else does."""
    return Begun(experiment, int(time.time() * 1000), resolve_tags(), os.environ.pop("MLFLOW_RUN_ID", None))


def open_run(client: MlflowClient, root: Path, token: str, begun: Begun) -> str:
    """The id of the run to report to: the one that has this token, else `mlflow run`'s, else a new one.

    The token is noted before the run is made, so that a training killed in between finds its run again.
    """
    place = experiment_id(client, root, begun.experiment)
    given, known = begun.given, find_run(client, begun.experiment, token)
    if given is None and known is None:
        return str(client.create_run(place, begun.at, {**begun.tags, TOKEN: token}).info.run_id)
    if given and known and given != known:
        client.set_tag(given, "extune.continues", known)
    run_id = str(known or given)
    client.set_tag(run_id, TOKEN, token)
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
