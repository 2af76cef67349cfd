"""The stages, by the names they have in dvc.yaml and MLproject."""

import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from .. import processes
from ..errors import ConfigError
from .app import Json, Preset, Set, app, show
from .launching import project_run


def _stage(name: str, text: str) -> None:
    def command(preset: Preset = None, overrides: Set = None, as_json: Json = False) -> None:
        _run(name, preset, overrides, as_json)

    app.command(name, help=text)(command)


def _run(
    name: str, preset: str | None, overrides: list[str] | None, as_json: bool, nodes: int = 1, meeting: str = ""
) -> None:
    from ..config import load, project_root
    from ..stages import stage

    root = project_root()
    config = load(root / "params.yaml", preset, overrides or ())
    began = time.monotonic()
    count = processes.wanted(config.train.processes) if name == "train" and not processes.joined() else 0
    if max(count, nodes) > 1:
        words = [*(["--preset", preset] if preset else []), *(["--json"] if as_json else [])]
        words += [word for text in overrides or () for word in ("--set", text)]
        processes.launch(count, ["-m", "extune", name, *words], nodes, meeting)
        return
    processes.enter()
    try:
        # What libraries print (DeepSpeed warns there) is no data.
        with contextlib.redirect_stdout(sys.stdout if processes.rank() else sys.stderr):
            result = stage(name)(config, root)
    except KeyboardInterrupt as exc:  # Typer would say nothing
        if str(exc) and not processes.rank():
            print(f"extune: {exc}", file=sys.stderr)
        raise typer.Exit(128 + getattr(exc, "number", signal.SIGINT)) from None
    if not processes.rank():
        _note_time(root, name, time.monotonic() - began)
        show({"stage": name, **result}, as_json)


_stage("base", "Make the base model ready: convert the embedded one, or check another.")
_stage("generate", "Write the synthetic corpus.")
_stage("prepare", "Read labelled files into train, dev and test records.")
_stage("build", "Turn records into prompts and completions.")


@app.command()
def train(
    nodes: Annotated[int, typer.Option(min=1, help="Machines; the same command is run on each of them.")] = 1,
    meeting: Annotated[str, typer.Option("--at", help="HOST:PORT of one of them, where they meet.")] = "",
    preset: Preset = None,
    overrides: Set = None,
    as_json: Json = False,
) -> None:
    """Train the adapter inside an MLflow run."""
    if (nodes > 1) != bool(meeting):
        raise ConfigError("--nodes and --at go together", remedy="extune train --nodes 2 --at HOST:29500")
    _run("train", preset, overrides, as_json, nodes, meeting)


_stage("register", "Register the adapter as a version of the model.")


@app.command()
def evaluate(
    model: Annotated[
        str | None,
        typer.Option(help="models:/NAME/3 or models:/NAME@alias, to measure on the present data; report in trials/."),
    ] = None,
    preset: Preset = None,
    overrides: Set = None,
    as_json: Json = False,
) -> None:
    """Measure the version that was registered last, or another one, and write the report."""
    if model is None:
        _run("evaluate", preset, overrides, as_json)
        return
    from ..config import load, project_root
    from ..trials import evaluate as evaluate_version

    root = project_root()
    config = load(root / "params.yaml", preset, overrides or ())
    show(evaluate_version(root, config, model), as_json)


@app.command()
def launch(
    stage: Annotated[str, typer.Argument(help="An entry point of MLproject.")],
    preset: Preset = None,
    overrides: Set = None,
) -> None:
    """Run a stage as an MLflow project run: `mlflow run . -e STAGE --env-manager local`, as dvc.yaml does."""
    from ..config import load, project_root
    from ..stages.identity import interrupted
    from ..tracking import connect, find_run, leave_outer_run

    if processes.joined():
        raise ConfigError("`launch` starts processes itself", remedy=f"`torchrun ... -m extune {stage}`")
    root = project_root()
    config = load(root / "params.yaml", preset, overrides or ())
    experiment = config.tracking.experiment
    client = connect(root, experiment)
    # A run that an outer `mlflow run` opened is not ours, and its experiment id clashes with --experiment-name.
    leave_outer_run()
    command = [sys.executable, "-m", "mlflow", "run", ".", "-e", stage, "--env-manager", "local"]
    options = ["-P", f"preset={preset}"] if preset else []
    options += ["-P", f"set={' '.join(overrides)}"] if overrides else []
    token = interrupted(config, root) if stage == "train" else None
    if token and (run := find_run(client, experiment, token)):
        options += ["--run-id", run]
    raise typer.Exit(project_run([*command, "--experiment-name", experiment, *options], root))


@app.command()
def sync(as_json: Json = False) -> None:
    """Send what a training could not report while the tracking server was down."""
    from ..config import project_root
    from ..outbox import sync as send
    from ..tracking import connect

    root = project_root()
    show(send(connect(root), root), as_json)


@app.command()
def summary() -> None:
    """The figures of the last pipeline run, where its model is, and what to try next."""
    from ..config import project_root
    from ..overview import overview

    print(overview(project_root()))


def _note_time(root: Path, name: str, seconds: float) -> None:
    """Seconds of each stage that really ran; they vary, so they are kept apart from what DVC tracks."""
    from ..files import write_json

    path = root / ".cache" / "seconds.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_json(path, known | {name: round(seconds, 1)})
