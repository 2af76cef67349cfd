"""Trials of a version outside the pipeline: which version, on which texts, and where the outcome is kept."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .artefact import SPEC, Spec, find_base, read_spec
from .config import Config
from .errors import ConfigError, DataError, TrackingError
from .files import read_json, write_json
from .records import Record
from .stages.data import RECORDS, read_records
from .stages.register import REGISTERED

TRIALS = Path("trials")
"""Not below reports/, which DVC holds whole: another file there would make it stale."""

Settings = tuple[int, int]
"""Most new tokens of an answer, and answers decoded at once."""


def version_of(root: Path, config: Config, given: str | None) -> str:
    """The address of the version to try: as given, else the one that the project registered last."""
    if given:
        return given
    path = root / REGISTERED
    if not path.is_file():
        return f"models:/{config.tracking.model}/latest"
    known = read_json(path)
    return f"models:/{known['name']}/{known['version']}"


def gold(root: Path, split: str, limit: int | None, task: str, asked: str) -> list[Record]:
    """The first records of a split. Raises DataError for none, ConfigError where the model answers another task."""
    if asked != task:
        raise ConfigError(
            f"the model answers {asked}, and data/records were prepared for {task}",
            remedy="Name another --model, or run `dvc repro prepare` for its task",
        )
    records = read_records(root, split)[:limit]
    if not records:
        raise DataError("no records", where=str(RECORDS / f"{split}.jsonl"))
    return records


def spec_of(address: str, model: str) -> Spec:
    """What the version `model` (NAME/NUMBER), or the adapter folder at `address`, was trained with.

    Raises TrackingError where the store lacks the version's files.
    """
    if not address.startswith("models:"):
        return read_spec(Path(address))
    import mlflow

    with tempfile.TemporaryDirectory() as scratch:
        try:
            mlflow.artifacts.download_artifacts(f"models:/{model}/artifacts/adapter/{SPEC}", dst_path=scratch)
        except (mlflow.exceptions.MlflowException, OSError) as exc:
            raise TrackingError(f"models:/{model} has no {SPEC} ({str(exc).splitlines()[0]})") from None
        return read_spec(next(Path(scratch).rglob(SPEC)).parent)


def base_generator(spec: Spec, settings: Settings, base_path: str | None) -> Any:
    """The base without its adapter, quantised and decoded as the version is. Raises ModelError as `find_base` does."""
    from .decode import LocalGenerator
    from .model import load_encoder, load_for_answers

    base = find_base(spec.base, base_path)
    return LocalGenerator(load_for_answers(base, None), load_encoder(base), *settings)


def evaluate(root: Path, config: Config, address: str) -> dict[str, Any]:
    """Measure a registered version on the present data/records, as `stages.evaluate` does the last one.

    So an older one can be held against a newer one on the same data. Figures go onto the version and its run; files
    are written below trials/NAME-VERSION, and those of the pipeline stay. Raises TrackingError, ConfigError.
    """
    from .evaluation import fetch
    from .registry import described, resolve
    from .stages.evaluate import measure_version, read_curve
    from .stages.training import CURVE
    from .tracking import connect, leave_outer_run

    leave_outer_run()
    client = connect(root, config.tracking.experiment)
    version = described(client.get_model_version(*resolve(client, address)))
    with tempfile.TemporaryDirectory() as scratch:
        try:
            loss = read_curve(fetch(client, version["run_id"], CURVE.name, Path(scratch)))
        except TrackingError:
            loss = []  # a run made anew for an adapter has no training
    into = root / TRIALS / f"{version['name']}-{version['version']}"
    return measure_version(client, config, root, version, into, loss)


def write(root: Path, name: str, report: Mapping[str, Any]) -> Path:
    """A trial's report as trials/NAME.json."""
    path = root / TRIALS / f"{name}.json"
    write_json(path, report)
    return path


def publish(root: Path, config: Config, model: str, path: Path, figures: Mapping[str, float]) -> str | None:
    """Figures and report onto the run of a registered version (NAME/NUMBER); its id, None for an adapter folder."""
    from .tracking import connect, leave_outer_run

    name, _, version = model.partition("/")
    if not version:
        return None
    leave_outer_run()
    client = connect(root, config.tracking.experiment)
    run_id = str(client.get_model_version(name, version).run_id)
    for key, value in figures.items():
        client.log_metric(run_id, key, value)
    client.log_artifact(run_id, str(path), "report")
    return run_id
