"""The command line: stdout is data, stderr is everything else; one line and an exit code for a user's mistake.

0 ok, 1 a check failed, 2 wrong use or input, 3 environment. Heavy imports happen inside the commands.
"""

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from .errors import ConfigError, DataError, ExtuneError

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Labelled text to a governed extraction model.", context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

Preset = Annotated[str | None, typer.Option(help="Overlay on params.yaml: a name in presets/, or a file.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value over params.yaml, e.g. train.lora.r=16.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Uri = Annotated[
    str, typer.Option("--model", help="models:/NAME@champion, /Production, /3, /latest, or an adapter folder.")
]
BasePath = Annotated[str | None, typer.Option("--base", help="Folder of the base model, if not where its name says.")]


def _stage(name: str, text: str) -> None:
    def command(preset: Preset = None, overrides: Set = None, as_json: Json = False) -> None:
        from .config import load, project_root
        from .stages import stage

        root = project_root()
        config = load(root / "params.yaml", preset, overrides or ())
        began = time.monotonic()
        result = stage(name)(config, root)
        _note_time(root, name, time.monotonic() - began)
        _show({"stage": name, **result}, as_json)

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

    from .config import load, project_root
    from .tracking import connect, leave_outer_run

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
def extract(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="JSON Lines with `text` (and `id`), or plain lines.")],
    output: Annotated[Path, typer.Argument(help="JSON Lines of extractions; appears whole or not at all.")],
    model: Uri = "models:/extune/latest",
    base: BasePath = None,
) -> None:
    """Extract from every text of a file."""
    from .extract import to_json
    from .files import write_jsonl

    _writable(output)
    records = _texts(source)
    extractor = _extractor(model, base)
    found = extractor(records)
    long = [r for r, e in zip(records, found, strict=True) if any(p.startswith("too long") for p in e.problems)]
    if long:
        raise DataError(
            f"{len(long)} text(s) do not fit the model's window; nothing was written", where=long[0].where,
            remedy="Split them into shorter texts",
        )  # fmt: skip
    write_jsonl(output, (to_json(e) for e in found))
    print(json.dumps({"texts": len(found), "problems": sum(bool(e.problems) for e in found), "written": str(output)}))


@app.command()
def chat(
    text: Annotated[
        str | None, typer.Option(help="Extract from this text and end; without it, ask line by line.")
    ] = None,
    model: Uri = "models:/extune/latest",
    base: BasePath = None,
    as_json: Json = False,
) -> None:
    """Extract from one text, or from what is typed, line by line, until an empty line."""
    extractor = _extractor(model, base)
    lines = [text] if text is not None else iter(lambda: _ask(), "")
    for line in lines:
        _answer(extractor.extract(line), as_json)


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="A version number.")],
    why: Annotated[str, typer.Option(help="The reason, kept on the version.")],
    name: Annotated[str | None, typer.Option(help="Registered model; params.yaml's by default.")] = None,
    stage: Annotated[str, typer.Option(help="Staging, Production or Archived.")] = "Production",
    as_json: Json = False,
) -> None:
    """Give an evaluated version a stage and the alias that goes with it."""
    from .registry import STAGES
    from .registry import promote as promote_version

    if stage.capitalize() not in STAGES:
        raise ConfigError(f"no stage {stage!r}", remedy=f"Known stages: {', '.join(STAGES)}")
    client, configured = _registry()
    _show(promote_version(client, name or configured, version, stage.capitalize(), why), as_json)


@app.command()
def models(name: Annotated[str | None, typer.Argument()] = None, as_json: Json = False) -> None:
    """List registered versions with stage, aliases and figures."""
    from .registry import versions

    client, _ = _registry()
    rows = versions(client, name)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
    for row in [] if as_json else rows:
        figures = " ".join(f"{k}={float(v):.3f}" for k, v in sorted(row["tags"].items()) if k.endswith(".f1"))
        marks = " ".join(f"@{alias}" for alias in row["aliases"])
        print(f"{row['name']}/{row['version']}  {row['stage']}  {marks}  {figures or 'not evaluated'}")


@app.command()
def summary() -> None:
    """The figures of the last pipeline run, where its model is, and what to try next."""
    from .config import project_root
    from .overview import overview

    print(overview(project_root()))


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger(__package__).setLevel(logging.WARNING)
    _quiet()
    try:
        app()
    except ExtuneError as exc:
        print(f"extune: {exc}", file=sys.stderr)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _quiet() -> None:
    """Keep libraries from talking over our own messages; set EXTUNE_VERBOSE=1 to hear them."""
    if os.environ.get("EXTUNE_VERBOSE"):
        return
    import warnings

    warnings.filterwarnings("ignore")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


_QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONWARNINGS": "ignore",
}


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for key, value in result.items():
        shown = " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{key}: {shown}")


def _note_time(root: Path, name: str, seconds: float) -> None:
    """Seconds of each stage that really ran; they vary, so they are kept apart from what DVC tracks."""
    from .files import write_json

    path = root / ".cache" / "seconds.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_json(path, known | {name: round(seconds, 1)})


def _texts(source: Path) -> list[Any]:
    """The texts of a file. Raises DataError, naming the first line that is bad."""
    from .readers.texts import read
    from .records import Rejected

    results = list(read(source))
    bad = [result for result in results if isinstance(result, Rejected)]
    if bad:
        raise DataError(
            f"{bad[0].reason} ({len(bad)} of {len(results)} lines are bad; nothing was written)", where=bad[0].where,
            remedy="A line is a text, or JSON with a string `text` and perhaps `id`",
        )  # fmt: skip
    if not results:
        raise DataError("the file is empty", where=str(source))
    return results


def _writable(output: Path) -> None:
    """Raises DataError before the work is done rather than after it."""
    if output.is_dir():
        raise DataError("is a folder", where=str(output), remedy="Name a file")
    if any(parent.exists() and not parent.is_dir() for parent in output.parents):
        raise DataError("lies below a file", where=str(output), remedy="Name another place")


def _extractor(model: str, base: str | None) -> Any:
    from .api import load

    return load(model, base=base)


def _registry() -> tuple[Any, str]:
    from .config import load, project_root
    from .tracking import connect

    root = project_root()
    names = load(root / "params.yaml").tracking
    return connect(root, names.experiment), names.model


def _ask() -> str:
    try:
        return input("text> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def _answer(extraction: Any, as_json: bool) -> None:
    from .extract import to_json

    row = to_json(extraction)
    if as_json:
        print(json.dumps(row, ensure_ascii=False))
        return
    for entity in row["entities"]:
        print(f"{entity['text']}  [{entity['type']}]  {entity['start']}-{entity['end']}")
    for relation in row["relations"]:
        print(f"{relation['head']['text']}  —{relation['relation']}→  {relation['tail']['text']}")
    if not (row["entities"] or row["relations"]):
        print("(nothing found)")
    for problem in row["problems"]:
        print(f"! {problem}", file=sys.stderr)
