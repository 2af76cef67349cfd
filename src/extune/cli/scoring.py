"""Predictions against gold: our scores, or the reference's figures."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from .app import Json, app, show

MOST = 3


@app.command()
def score(
    predictions: Annotated[
        Path, typer.Argument(help="reports/test.jsonl, DeepKE-LLM's prediction rows, or any format beside --gold.")
    ],
    gold: Annotated[Path | None, typer.Option(help="Labelled data in any format; ids or texts pair them.")] = None,
    task: Annotated[str, typer.Option(help="NER, RE, SPO, EE, EET, EEA, KG, QA, GRAPH.")] = "RE",
    compat: Annotated[
        str | None, typer.Option(help="deepke, deepke_llm or iepile: that evaluator's figures of its own rows.")
    ] = None,
    match: Annotated[str, typer.Option(help="With --compat: normal counts repetitions, set does not.")] = "normal",
    workers: Annotated[int, typer.Option(help="Processes for DeepKE-LLM's rows; 0: as many as the file is worth.")] = 0,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap interval.", min=1)] = 1000,
    as_json: Json = False,
) -> None:
    """Score a file of predictions."""
    if compat:
        _compat(predictions, task, match, compat, workers)
        return
    from ..score import summary
    from ..tasks import task as task_named

    show(_flat(summary(*_scored(predictions, gold, task_named(task), workers), resamples, 42)), as_json)


def _scored(predictions: Path, gold: Path | None, task: Any, workers: int) -> tuple[Any, dict[str, int]]:
    """The score, and how many answers had each problem where the file says."""
    from ..score import has_chunks, score, score_file

    if not gold:
        return score_file(predictions, task, workers)
    if has_chunks(predictions):
        raise ConfigError(f"{predictions} has its own gold", remedy="Leave out --gold")
    return score(_aligned(gold, predictions, task), task), {}


def _aligned(gold: Path, predictions: Path, task: Any) -> list[tuple[Any, Any]]:
    from ..readers import open_format
    from ..records import Record
    from ..score import align

    wanted, found = ([r for r in open_format("auto", p) if isinstance(r, Record)] for p in (gold, predictions))
    pairs, unpaired = align(wanted, found, task)
    for name, value in asdict(unpaired).items():
        if value:
            print(f"! {name}: {value}", file=sys.stderr)
    return pairs


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) for name, value in figures.items() if isinstance(value, int | float)}


def _compat(path: Path, task: str, match: str, variant: str, workers: int) -> None:
    from ..deepke.scoring import score_file

    found = score_file(path, task, match=match, variant=variant, workers=workers)
    print(json.dumps(found.figures, ensure_ascii=False))
    if found.crashes:
        print(
            f"! {found.crashes} lines on which the reference stops, {found.skipped} of them left out", file=sys.stderr
        )
    for reason in found.reasons[:MOST]:
        print(f"! {reason}", file=sys.stderr)
