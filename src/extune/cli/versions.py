"""Registered versions: listed, and given a stage."""

import json
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from .app import Json, app, show


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="A version number.")],
    why: Annotated[str, typer.Option(help="The reason, kept on the version.")],
    name: Annotated[str | None, typer.Option(help="Registered model; params.yaml's by default.")] = None,
    stage: Annotated[str, typer.Option(help="Staging, Production or Archived.")] = "Production",
    force: Annotated[str | None, typer.Option(help="Past the gate, for this reason, which is kept as well.")] = None,
    as_json: Json = False,
) -> None:
    """Give an evaluated version a stage and the alias that goes with it, if params.yaml's gate lets it by."""
    from ..config import load, project_root
    from ..delivery import sync
    from ..registry import STAGES
    from ..registry import promote as promote_version

    if stage.capitalize() not in STAGES:
        raise ConfigError(f"no stage {stage!r}", remedy=f"Known stages: {', '.join(STAGES)}")
    if force is not None and not force.strip():
        raise ConfigError("--force is empty", remedy="Give the reason, which is kept on the version")
    client, configured = _registry()
    sync(client, project_root())
    gate = load(project_root() / "params.yaml").gate
    show(promote_version(client, name or configured, version, stage.capitalize(), why, gate, force), as_json)


@app.command()
def models(name: Annotated[str | None, typer.Argument()] = None, as_json: Json = False) -> None:
    """List registered versions with stage, aliases and figures."""
    from ..registry import versions

    client, _ = _registry()
    rows = versions(client, name)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
    for row in [] if as_json else rows:
        figures = " ".join(f"{k}={float(v):.3f}" for k, v in sorted(row["tags"].items()) if k.endswith(".f1"))
        marks = " ".join(f"@{alias}" for alias in row["aliases"])
        print(f"{row['name']}/{row['version']}  {row['stage']}  {marks}  {figures or 'not evaluated'}")


def _registry() -> tuple[Any, str]:
    from ..config import load, project_root
    from ..tracking import connect

    root = project_root()
    names = load(root / "params.yaml").tracking
    return connect(root, names.experiment), names.model
