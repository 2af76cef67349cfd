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
from ..errors import ConfigError, TrackingError
from .app import Json, Preset, Set, app, settings, show
from .launching import project_run


def _stage(name: str, text: str) -> None:
    def command(preset: Preset = None, overrides: Set = None, as_json: Json = False) -> None:
        _run(name, preset, overrides, as_json)

    app.command(name, help=text)(command)


def _run(
    name: str, preset: str | None, overrides: list[str] | None, as_json: bool, nodes: int = 1, meeting: str = ""
) -> None:
    from ..stages import stage

    root, config = settings(preset, overrides)
    began = time.monotonic()
    count = processes.wanted(config.train.processes) if name == "train" and not processes.joined() else 0
    if max(count, nodes) > 1:
        words = [*_words(preset, overrides), *(["--json"] if as_json else [])]
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


def _words(preset: str | None, overrides: list[str] | None) -> list[str]:
    """The settings that were asked for, as options again."""
    given = [word for text in overrides or () for word in ("--set", text)]
    return [*(["--preset", preset] if preset else []), *given]


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
    from ..trials import evaluate as evaluate_version

    root, config = settings(preset, overrides)
    show(evaluate_version(root, config, model), as_json)


@app.command()
def launch(
    stage: Annotated[str, typer.Argument(help="An entry point of MLproject.")],
    preset: Preset = None,
    overrides: Set = None,
) -> None:
    """Run a stage as an MLflow project run: `mlflow run . -e STAGE --env-manager local`, as dvc.yaml does.

    `mlflow run` begins by making its run: without a server, the stage runs by itself, and its run is made later.
    """
    from ..delivery import sync as send
    from ..options import check
    from ..stages.identity import interrupted
    from ..tracking import find_run, impatient, leave_outer_run, reach

    if processes.joined():
        raise ConfigError("`launch` starts processes itself", remedy=f"`torchrun ... -m extune {stage}`")
    root, config = settings(preset, overrides)
    if stage == "train":
        check(config)
    experiment = config.tracking.experiment
    client = reach(root, experiment)
    # A run that an outer `mlflow run` opened is not ours, and its experiment id clashes with --experiment-name.
    leave_outer_run()
    if client is None:
        alone = [sys.executable, "-m", "extune", stage, *_words(preset, overrides)]
        raise typer.Exit(project_run(alone, root))
    command = [sys.executable, "-m", "mlflow", "run", ".", "-e", stage, "--env-manager", "local"]
    options = ["-P", f"preset={preset}"] if preset else []
    options += ["-P", f"set={' '.join(overrides)}"] if overrides else []
    token = interrupted(config, root) if stage == "train" else None
    if token:
        with contextlib.suppress(TrackingError):  # the training says so itself, and goes on
            send(client, root)  # which makes the run of one that was interrupted while there was no server
        if run := find_run(client, experiment, token):
            options += ["--run-id", run]
    with impatient():
        raise typer.Exit(project_run([*command, "--experiment-name", experiment, *options], root))


@app.command()
def merge(
    adapter: Annotated[str, typer.Argument(help="A folder, models:/NAME/N or OWNER/NAME of the hub.")],
    folder: Annotated[Path, typer.Argument(help="Where to write the model; model.base may name it.")],
    preset: Preset = None,
    overrides: Set = None,
    as_json: Json = False,
) -> None:
    """Write the base with an adapter merged into it, to train a new one on top or to use elsewhere."""
    from ..stages.merging import merge as merged

    root, config = settings(preset, overrides)
    show(merged(config, root, adapter, folder), as_json)


@app.command()
def sync(as_json: Json = False) -> None:
    """Send what a training could not report while the tracking server was down."""
    from ..config import project_root
    from ..delivery import sync as send
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
