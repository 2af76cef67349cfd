"""Systems against each other."""

import json
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError, DataError
from .app import Json, app, writable


@app.command()
def compare(
    systems: Annotated[
        list[str],
        typer.Argument(help="Two or more: models:/NAME/7, @alias, runs:/ID, or a file such as reports/test.jsonl."),
    ],
    task: Annotated[str | None, typer.Option(help="NER, RE, ...; the versions' own, or params.yaml's.")] = None,
    split: Annotated[str, typer.Option(help="Which predictions of versions and runs.")] = "test",
    seeds: Annotated[
        bool, typer.Option("--seeds", help="They are one system with several seeds: add the spread.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Also write the comparison as one page.")] = None,
    output: Annotated[Path | None, typer.Option(help="Also write the comparison as JSON.")] = None,
    log: Annotated[bool, typer.Option(help="Keep the comparison in MLflow.")] = True,
    as_json: Json = False,
) -> None:
    """Hold systems against the first: scores, significance, labels, documents that changed."""
    from ..compare import lines

    if len(systems) < 2:
        raise ConfigError(f"nothing to compare {systems[0]} with", remedy="Name two or more")
    for path in filter(None, (html, output)):
        writable(path)
    result = _compared(systems, task, split, seeds, log)
    _write(result, html, output)
    print(json.dumps(result, ensure_ascii=False) if as_json else "\n".join(lines(result)))


def _compared(systems: list[str], asked: str | None, split: str, seeds: bool, logged: bool) -> dict[str, Any]:
    from ..compare import compare, over_seeds, read
    from ..compare.store import located, log
    from ..config import load, project_root
    from ..tasks import task as task_named

    root = project_root()
    config = load(root / "params.yaml") if (root / "params.yaml").is_file() else None
    names = config.tracking if config else None
    client = cache(lambda: _client(root, names.experiment if names else "extune"))
    with tempfile.TemporaryDirectory() as scratch:
        paths, known = located(systems, client, names.model if names else "extune", split, Path(scratch))
        task = task_named(_task(asked, known, config.task.name if config else None))
        sides = [read(path, name, task) for path, name in zip(paths, systems, strict=True)]
    result = compare(sides, task)
    result |= {"seeds": over_seeds(result)} if seeds else {}
    if logged and _has_store(root):
        client()
        result["run_id"] = log(names.experiment if names else "extune", result, sides, task)
    elif logged:
        print("note: not kept in MLflow: outside a project, and MLFLOW_TRACKING_URI is not set", file=sys.stderr)
    return result


def _client(root: Path, experiment: str) -> Any:
    from ..tracking import connect, leave_outer_run

    leave_outer_run()
    return connect(root, experiment)


def _has_store(root: Path) -> bool:
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (root / "MLproject").is_file()


def _task(asked: str | None, known: str | None, configured: str | None) -> str:
    """What the user says, what the compared versions say, what the project says."""
    if asked and known and asked != known:
        raise DataError(f"these are predictions of {known}, not of {asked}", remedy=f"Leave out --task {asked}")
    name = asked or known or configured
    if name is None:
        raise ConfigError("the predictions do not say their task", remedy="Give --task")
    return name


def _write(result: dict[str, Any], html: Path | None, output: Path | None) -> None:
    from ..compare import page
    from ..files import atomic, write_json

    if output:
        write_json(output, result)
    if html:
        with atomic(html) as handle:
            handle.write(page(result))
