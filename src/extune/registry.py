"""Registered versions: made from an adapter, found by stage, alias or number, promoted with a record of who and why."""

import getpass
import hashlib
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from tqdm import tqdm

from .answering import COLUMNS, PARAMS
from .bases import sha256
from .errors import CheckFailed, TrackingError
from .evaluation import figures
from .gate import decide
from .lineage import library_versions
from .sections import Gate
from .tracking import without_advice

STAGES = ("Staging", "Production", "Archived")
ALIASES = {"Staging": ("staging",), "Production": ("production", "champion"), "Archived": ()}
EVALUATED, CONTENT = "extune.evaluated", "extune.content"
PACKAGE = Path(__file__).parent


def signature() -> ModelSignature:
    """Columns and inference parameters of every version."""
    inputs = Schema([ColSpec(DataType.string, name, required=name == "text") for name in COLUMNS])
    kinds = {bool: DataType.boolean, int: DataType.long}
    params = ParamSchema([ParamSpec(name, kinds[type(value)], value) for name, value in PARAMS.items()])
    return ModelSignature(inputs, Schema([ColSpec(DataType.string)]), params)


def register(
    client: MlflowClient, name: str, adapter: Path, run_id: str, tags: Mapping[str, str], example: Mapping[str, str],
    decode: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Log the adapter as a pyfunc model of the run and register it; a version of this run and content is reused.

    The content is the adapter folder, the package's code and the decoding settings: what decides a version's answers.

    Returns name, version, model_id, run_id.
    """
    with tqdm(total=3, desc="register: look for it", unit="step") as bar:
        tags = {**tags, CONTENT: content(adapter, decode)}
        known = _registered(client, name, run_id, tags[CONTENT])
        _next(bar, "register: store it, load it, try it")
        if known is None:
            known = _log(client, name, adapter, run_id, tags, example, decode)
        _next(bar, "register: tag it")
        for key, value in tags.items():
            client.set_model_version_tag(name, str(known["version"]), key, value)
        _next(bar, "register")
    return known


def _next(bar: Any, what: str) -> None:
    bar.update()
    bar.set_description(what)


def content(adapter: Path, decode: Mapping[str, Any]) -> str:
    """A hash over what decides a version's answers."""
    digest = hashlib.sha256(repr(sorted(decode.items())).encode())
    for folder in (adapter, PACKAGE):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(folder)}:{sha256(path)}\n".encode())
    return digest.hexdigest()


def _registered(client: MlflowClient, name: str, run_id: str, wanted: str) -> dict[str, Any] | None:
    for version in client.search_model_versions(f"name='{name}' and run_id='{run_id}'"):
        if version.tags.get(CONTENT) == wanted:
            return described(version)
    return None


def described(version: Any) -> dict[str, Any]:
    """What models/registered.json says of a version of the registry: name, version, model_id, run_id."""
    model_id = str(version.source).rpartition("/")[2]
    return {"name": version.name, "version": int(version.version), "model_id": model_id, "run_id": version.run_id}


def _log(
    client: MlflowClient, name: str, adapter: Path, run_id: str, tags: Mapping[str, str], example: Mapping[str, str],
    decode: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Made for the run and linked to it, not within it: MLflow would log all of model_config as its parameters."""
    import pandas

    of = client.get_run(run_id)
    model = mlflow.initialize_logged_model(
        "extractor", run_id, dict(tags), of.data.params, experiment_id=of.info.experiment_id
    )
    with tempfile.TemporaryDirectory() as scratch, without_advice():
        code = Path(scratch) / "code"
        shutil.copytree(PACKAGE, code, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        info = mlflow.pyfunc.log_model(
            model_id=model.model_id,
            python_model=str(PACKAGE / "pyfunc.py"),
            artifacts={"adapter": str(adapter), "code": str(code)},
            model_config={"base_path": "", "calibration": {}, **decode},
            pip_requirements=_requirements(),
            signature=signature(),
            input_example=(pandas.DataFrame([dict(example)]), PARAMS),
            registered_model_name=name,
            metadata=dict(tags),
            tags=dict(tags),
        )
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    version = int(info.registered_model_version)
    return {"name": name, "version": version, "model_id": str(info.model_id), "run_id": run_id}


def _requirements() -> list[str]:
    """The libraries of the version, pinned; without a build's own suffix such as `+cpu`, which other machines lack."""
    versions = library_versions()
    return [f"{name}=={version.partition('+')[0]}" for name, version in versions.items() if name != "extune"]


def resolve(client: MlflowClient, uri: str) -> tuple[str, str]:
    """`(name, version)` of `models:/NAME/7`, `/latest`, `/Production` or `models:/NAME@alias`.

    Raises TrackingError, saying what the registry has.
    """
    match = re.fullmatch(r"models:/([^/@]+)(?:/(.+)|@(.+))", uri)
    if not match:
        raise TrackingError(f"{uri!r} is no model address", remedy="Use models:/NAME@champion, /Production or /3")
    name, wanted, alias = match.groups()
    try:
        version = _find(client, name, wanted, alias)
    except MlflowException as exc:
        raise TrackingError(f"no model {uri!r} ({_first_line(exc)})", remedy=_have(client, name)) from None
    return name, version


def adapter_of(uri: str, scratch: Path) -> Path:
    """The adapter of a version, fetched into a folder. Raises TrackingError where the store lacks it."""
    name, version = resolve(MlflowClient(), uri)
    try:
        mlflow.artifacts.download_artifacts(f"models:/{name}/{version}/artifacts/adapter", dst_path=str(scratch))
    except (MlflowException, OSError) as exc:
        raise TrackingError(f"models:/{name}/{version} has no adapter ({_first_line(exc)})") from None
    return next(scratch.rglob("adapter_config.json"), scratch / "adapter_config.json").parent


def _find(client: MlflowClient, name: str, wanted: str | None, alias: str | None) -> str:
    if alias:
        return str(client.get_model_version_by_alias(name, alias.lower()).version)
    assert wanted is not None
    if wanted.isdecimal():
        return str(client.get_model_version(name, wanted).version)
    versions = client.search_model_versions(f"name='{name}'")
    if wanted.lower() != "latest":
        versions = [v for v in versions if v.current_stage.lower() == wanted.lower()]
    if not versions:
        raise MlflowException(f"nothing registered for {wanted!r}")
    return str(max(int(v.version) for v in versions))


def _have(client: MlflowClient, name: str) -> str:
    versions = sorted(int(v.version) for v in client.search_model_versions(f"name='{name}'"))
    return (
        f"The registry has versions {', '.join(map(str, versions))}"
        if versions
        else "`extune models` lists what there is"
    )


def _first_line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[0]


def promote(
    client: MlflowClient, name: str, version: str, stage: str, reason: str,
    gate: Gate | None = None, force: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Set stage and alias of an evaluated version together, and write who, when, why as tags.

    The alias goes last: a reader by alias never sees a half promoted version. Raises CheckFailed for a version without
    an evaluation, and for one that `gate` keeps out of Production unless `force`, which is recorded, says why not.
    """
    _, version = resolve(client, f"models:/{name}/{version}")
    found = client.get_model_version(name, version)
    if EVALUATED not in found.tags:
        raise CheckFailed(
            f"{name}/{version} has no evaluation", remedy="Run `dvc repro evaluate` (or `extune evaluate`) first"
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    judged = judge(client, name, version, gate, force) if gate and stage == "Production" else {}
    record = {"promoted.to": stage, "promoted.by": getpass.getuser(), "promoted.at": now, "promoted.why": reason}
    record |= judged
    for key, value in record.items():
        client.set_model_version_tag(name, version, key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        client.transition_model_version_stage(name, version, stage, archive_existing_versions=stage == "Production")
    _move_aliases(client, name, version, ALIASES[stage])
    return {"name": name, "version": int(version), "stage": stage, "aliases": list(ALIASES[stage]), **record}


def judge(client: MlflowClient, name: str, version: str, gate: Gate, force: str | None = None) -> dict[str, str]:
    """Hold a version against the gate and the present champion; what came of it, as tags.

    A version with `force` gets past it, with both the reasons against it and the one for it. Raises CheckFailed.
    """
    present = client.get_registered_model(name).aliases.get("champion")
    rival = None if present is None or str(present) == version else str(present)
    try:
        candidate = figures(client, name, version, gate.split)
        decision = decide(candidate, figures(client, name, rival, gate.split) if rival else None, gate)
        reasons = list(decision.reasons)
    except TrackingError as exc:
        reasons = [str(exc)]
    if reasons and not force:
        raise CheckFailed(
            f"{name}/{version} may not go to Production: {'; '.join(reasons)}",
            remedy="`extune compare` shows more, `extune evaluate --model models:/NAME/N` measures a version on the "
            "present data; --force REASON overrides",
        )
    passed = {
        "gate.passed": str(not reasons).lower(),
        "gate.against": f"{name}/{rival}" if rival else "no other version",
    }
    return {**passed, "gate.reasons": "; ".join(reasons), "gate.forced": (force or "") if reasons else ""}


def _model(client: MlflowClient, name: str) -> Any:
    try:
        return client.get_registered_model(name)
    except MlflowException:
        raise TrackingError(f"no registered model {name!r}", remedy="`extune models` lists what there is") from None


def _move_aliases(client: MlflowClient, name: str, version: str, wanted: Sequence[str]) -> None:
    """Give the version the aliases of its stage; those of other stages that it had are taken away."""
    held = client.get_registered_model(name).aliases
    for alias in sorted(alias for group in ALIASES.values() for alias in group):
        if alias in wanted:
            client.set_registered_model_alias(name, alias, version)
        elif str(held.get(alias)) == version:
            client.delete_registered_model_alias(name, alias)


def versions(client: MlflowClient, name: str | None = None) -> list[dict[str, Any]]:
    """What the registry has, newest first: name, version, stage, aliases, run, figures of its evaluation."""
    models = [_model(client, name)] if name else client.search_registered_models()
    rows = []
    for model in models:
        aliases: dict[str, list[str]] = {}
        for alias, number in model.aliases.items():
            aliases.setdefault(str(number), []).append(alias)
        for version in client.search_model_versions(f"name='{model.name}'"):
            rows.append(
                {
                    "name": model.name,
                    "version": int(version.version),
                    "stage": version.current_stage,
                    "aliases": sorted(aliases.get(str(version.version), [])),
                    "run_id": version.run_id,
                    "tags": dict(version.tags),
                }
            )
    return sorted(rows, key=lambda row: (row["name"], -row["version"]))
