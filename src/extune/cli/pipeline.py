"""The stages, by the names they have in dvc.yaml and MLproject."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from .app import Json, Preset, Set, app, show


def _stage(name: str, text: str) -> None:
    def command(preset: Preset = None, overrides: Set = None, as_json: Json = False) -> None:
        from ..config import load, project_root
        from ..stages import stage

        root = project_root()
        config = load(root / "params.yaml", preset, overrides or ())
        began = time.monotonic()
        result = stage(name)(config, root)
        _note_time(root, name, time.monotonic() - began)
        show({"stage": name, **result}, as_json)

    app.command(name, help=text)(command)


_stage("base", "Make the base model ready: convert the embedded one, or check another.")
_stage("generate", "Write the synthetic corpus.")
_stage("prepare", "Read labelled files into train, dev and test records.")
_stage("build", "Turn records into prompts and completions.")
_stage("train", "Train the adapter inside an MLflow run.")
_stage("register", "Register the adapter as a version of the model.")
_stage("evaluate", "Measure the registered version and write the report.")


@app.command()
def launch(
    stage: Annotated[str, typer.Argument(help="An entry point of MLproject.")],
    preset: Preset = None,
    overrides: Set = None,
) -> None:
    """Run a stage as an MLflow project run: `mlflow run . -e STAGE --env-manager local`, as dvc.yaml does."""
    import subprocess

    from ..config import load, project_root
    from ..tracking import connect, leave_outer_run

    root = project_root()
    experiment = load(root / "params.yaml", preset, overrides or ()).tracking.experiment
    connect(root, experiment)
    # A run that an outer `mlflow run` opened is not ours, and its experiment id clashes with --experiment-name.
    leave_outer_run()
    command = [sys.executable, "-m", "mlflow", "run", ".", "-e", stage, "--env-manager", "local"]
    options = ["-P", f"preset={preset}"] if preset else []
    options += ["-P", f"set={' '.join(overrides)}"] if overrides else []
    done = subprocess.run([*command, "--experiment-name", experiment, *options], cwd=root, check=False)
    raise typer.Exit(done.returncode)


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
