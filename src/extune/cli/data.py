"""Data: converted between formats, inspected, and the labels that are easily confused."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from .app import Json, app, show, writable

Reader = Annotated[str, typer.Option(help="Format of the source; auto looks at it. See docs/data.md.")]
Columns = Annotated[list[str] | None, typer.Option("--column", help="FIELD=COLUMN of a file with names of its own.")]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="Schema file; `convert` otherwise takes one beside the source.")
]

SHORT = 2.0
"""Seconds of work without a bar."""


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="A file or folder in any format, or hf:owner/name.")],
    output: Annotated[Path, typer.Argument(help="JSON Lines; whole or not at all; resumed after a kill.")],
    task: Annotated[str, typer.Option(help="NER, RE, SPO, EE, EET, EEA, KG.")] = "NER",
    to: Annotated[str, typer.Option(help="iepile: instruction rows; records: our own neutral form.")] = "iepile",
    reader: Reader = "auto",
    column: Columns = None,
    schema: SchemaFile = None,
    language: Annotated[str, typer.Option(help="Of the instruction: zh, en, or auto by the text.")] = "auto",
    test: Annotated[bool, typer.Option("--test", help="Rows to evaluate: all labels asked, gold as `label`.")] = False,
    split_num: Annotated[int, typer.Option(help="Labels per row; -1: all.")] = 4,
    negatives: Annotated[
        float, typer.Option(min=-1, max=1, help="Share of the labels a record lacks that is asked.")
    ] = 1.0,
    hard: Annotated[Path | None, typer.Option(help="{label: [confusable labels]}; see `confusable`.")] = None,
    keep_empty: Annotated[float, typer.Option(help="Share of rows without an answer to keep.")] = 1.0,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Labels in another order for each record.")] = False,
    seed: int = 42,
    name: Annotated[str | None, typer.Option(help="The `source` in the rows; by default the folder's name.")] = None,
    compat: Annotated[str | None, typer.Option(help="deepke or iepile: the reference's output, to the byte.")] = None,
    split: Annotated[str, typer.Option(help="Of a hub's data set; without it, all of them.")] = "",
    max_bad: Annotated[float, typer.Option(help="Share of bad records above which nothing is written.")] = 0.01,
    workers: Annotated[int, typer.Option(help="Processes; 0: as many as the file is worth.")] = 0,
    as_json: Json = False,
) -> None:
    """Turn labelled text of any format into instruction rows or neutral records, in bounded memory."""
    from ..convert import convert_lines, key_of, state_of, workers_for
    from ..instruct import Asking

    writable(output)
    if to not in ("iepile", "records"):
        raise ConfigError(f"no form {to!r}", remedy="Known forms: iepile, records")
    columns = _columns(column)
    name = name or Path(source).resolve().parent.name
    confusable = _confusable(hard) if hard else None
    asking = Asking(split_num, negatives if compat or negatives >= 0 else 1.0, seed, keep_empty, confusable, shuffle)
    if compat:
        batches, make, form = _compat(source, schema, task, language, test, asking, name, compat)
    elif to == "records":
        batches, make, form = _records(source, reader, columns, split)
    else:
        batches, make, form = _iepile(source, reader, columns, split, schema, task, language, test, asking, name)
    path = Path(source)
    count = workers or (workers_for(path) if path.is_file() else 1)
    state = state_of(path) if path.is_file() else source
    key = key_of(make.func.__name__, make.args, form, state)
    with _progress("convert") as update:
        done = convert_lines(batches, output, make, key=key, workers=count, progress=update, max_bad=max_bad)
    told: dict[str, Any] = {"format": form, "records": done.lines, "rows": done.rows, "rejected": done.rejected}
    show({**told, "written": str(output)}, as_json)


def _confusable(path: Path) -> Any:
    from ..confusable import read_confusable

    return read_confusable(path)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int], None]]:
    """A bar for work that lasts: to load tqdm takes a tenth of the time of work that does not."""
    began, done, bar = monotonic(), 0, None

    def update(records: int) -> None:
        nonlocal done, bar
        done += records
        if bar is not None:
            bar.update(records)
        elif monotonic() - began > SHORT:
            from tqdm import tqdm

            bar = tqdm(desc=what, unit="record", initial=done)

    try:
        yield update
    finally:
        if bar is not None:
            bar.close()


def _columns(given: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    if any(not (field and column) for field, _, column in pairs):
        raise ConfigError("--column is not FIELD=COLUMN", remedy="For example --column query=text")
    return {field: column for field, _, column in pairs}


def _compat(
    source: str, schema: Path | None, task: str, language: str, test: bool, asking: Any, name: str, variant: str
) -> Any:
    from ..convert import compat, file_batches
    from ..deepke import Options, read_schema_lines

    options = Options(
        task, "zh" if language == "auto" else language, test, asking.split_num, asking.negatives, asking.shuffle,
        asking.hard, asking.seed, variant,
    )  # fmt: skip
    make = partial(compat, read_schema_lines(schema), options, name, source)
    make()  # what is wrong with the options or the schema shows here, not in a worker process
    return file_batches(Path(source)), make, "instructie"


def _records(source: str, reader: str, columns: dict[str, str], split: str) -> Any:
    from ..convert import neutral, open_lines

    batches, form, found = open_lines(source, reader, columns, split)
    return batches, partial(neutral, form, source, columns if form == found else {}), found


def _iepile(
    source: str, reader: str, columns: dict[str, str], split: str, schema: Path | None, task: str, language: str,
    test: bool, asking: Any, name: str,
) -> Any:  # fmt: skip
    from ..convert import Plan, iepile, open_lines, schema_for
    from ..notations import notation
    from ..prompt import Prompt
    from ..tasks import task as task_of

    asked = task_of(task)
    labels = schema_for(source, reader, columns, schema, split)
    prompt = Prompt(asked, notation("iepile_json"), labels, language=language)
    batches, form, found = open_lines(source, reader, columns, split)
    plan = Plan(prompt, asking, form, source, name, test, columns if form == found else {})
    make = partial(iepile, plan)
    make()
    return batches, make, found


@app.command()
def confusable(
    output: Annotated[Path, typer.Argument(help="JSON {label: [confusable labels]}, for task.hard_negatives.")],
    predictions: Annotated[Path | None, typer.Option(help="reports/test.jsonl, a model's mistakes.")] = None,
    base: Annotated[Path | None, typer.Option(help="Folder of a base model: labels whose names lie near.")] = None,
    schema: Annotated[Path | None, typer.Option(help="With --base: the schema whose labels are compared.")] = None,
    task: Annotated[str, typer.Option(help="With --base: the task whose labels are compared.")] = "NER",
    top: Annotated[int, typer.Option(help="At most so many for each label.", min=1)] = 3,
    as_json: Json = False,
) -> None:
    """Learn which labels are easily confused, from a model's mistakes or from the labels' names."""
    from ..confusable import from_embeddings, from_mistakes, read_pairs
    from ..files import write_json
    from ..schema import read_schema
    from ..tasks import task as task_of

    writable(output)
    if predictions and not base:
        found = from_mistakes(read_pairs(predictions), top)
    elif base and schema and not predictions:
        found = from_embeddings(task_of(task).labels(read_schema(schema)), base, top)
    else:
        raise ConfigError("neither mistakes nor names", remedy="Give --predictions, or --base with --schema")
    write_json(output, {label: list(near) for label, near in found.items()})
    show({"labels": len(found), "written": str(output)}, as_json)


@app.command()
def inspect(
    source: Annotated[str, typer.Argument(help="A file, a folder of splits or a data set in any format.")],
    reader: Reader = "auto",
    column: Columns = None,
    schema: SchemaFile = None,
    html: Annotated[Path | None, typer.Option(help="Write the figures as one HTML page.")] = None,
    base: Annotated[Path | None, typer.Option(help="Base model's folder, to count tokens.")] = None,
    max_length: Annotated[int, typer.Option(help="The window, in tokens: rows longer than it are counted.")] = 1024,
    tokens: Annotated[int | None, typer.Option(help="Show the tokens and the loss mask of this row of SOURCE.")] = None,
    as_json: Json = False,
) -> None:
    """Is this data fit to train on: labels, lengths, spans, conflicts, duplicates, leaks."""
    from .inspecting import figures_of, tokens_of

    if tokens is not None:
        print(tokens_of(Path(source), tokens, base))
        return
    from ..inspect import render, table, to_json

    figures = figures_of(source, reader, _columns(column), schema, base, max_length)
    if html:
        from ..files import atomic

        writable(html)
        with atomic(html) as handle:
            handle.write(render(figures))
    print(json.dumps(to_json(figures), ensure_ascii=False) if as_json else table(figures))
