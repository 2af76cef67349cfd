"""Predictions against gold: our scores, or the reference's figures."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from .app import Json, app, show

MOST = 3


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(help="reports/test.jsonl, or any format beside --gold.")],
    gold: Annotated[Path | None, typer.Option(help="Labelled data in any format; ids or texts pair them.")] = None,
    task: Annotated[str, typer.Option(help="NER, RE, SPO, EE, EET, EEA, KG, QA, GRAPH.")] = "RE",
    compat: Annotated[
        str | None, typer.Option(help="deepke, deepke_llm or iepile: that evaluator's figures of its own rows.")
    ] = None,
    match: Annotated[str, typer.Option(help="With --compat: normal counts repetitions, set does not.")] = "normal",
    resamples: Annotated[int, typer.Option(help="Of the bootstrap interval.", min=1)] = 1000,
    as_json: Json = False,
) -> None:
    """Score a file of predictions."""
    if compat:
        _compat(predictions, task, match, compat)
        return
    from ..confusable import read_pairs
    from ..readers import open_format
    from ..records import Record
    from ..score import align, score, summary
    from ..tasks import task as task_named

    one = task_named(task)
    if gold:
        wanted, found = ([r for r in open_format("auto", p) if isinstance(r, Record)] for p in (gold, predictions))
        pairs, unpaired = align(wanted, found, one)
        for name, value in asdict(unpaired).items():
            if value:
                print(f"! {name}: {value}", file=sys.stderr)
    else:
        pairs = list(read_pairs(predictions))
    show(_flat(summary(score(pairs, one), {}, resamples, 42)), as_json)


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) for name, value in figures.items() if isinstance(value, int | float)}


def _compat(path: Path, task: str, match: str, variant: str) -> None:
    from ..deepke.scoring import score_lines
    from ..files import raw_lines

    found = score_lines(raw_lines(path), task, match=match, variant=variant, name=str(path))
    print(json.dumps(found.figures, ensure_ascii=False))
    if found.crashes:
        print(
            f"! {found.crashes} lines on which the reference stops, {found.skipped} of them left out", file=sys.stderr
        )
    for reason in found.reasons[:MOST]:
        print(f"! {reason}", file=sys.stderr)
