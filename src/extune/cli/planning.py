"""`extune plan`: what a training will take, before a weight is loaded."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from .app import Json, Preset, Set, app, settings


@app.command()
def plan(
    preset: Preset = None,
    overrides: Set = None,
    device: Annotated[
        str, typer.Option(help="auto: what is here; cpu; or a GPU such as h200, h100, 4090, t4.")
    ] = "auto",
    memory: Annotated[float | None, typer.Option(help="GB to plan with instead of what the device has.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="JSON with a run's seconds, steps, tokens, peak_memory: plan beside real.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Parameters, memory, tokens, steps, time and disk of `extune train`, and settings without effect."""
    from ..files import read_json
    from ..plan import compare, compared_text, plan_json, plan_text
    from ..plan import plan as planned
    from ..stages.continuing import to_plan_with

    root, config = settings(preset, overrides)
    with tempfile.TemporaryDirectory() as scratch:
        found = planned(to_plan_with(config, root, Path(scratch)), root, device, memory)
    compared = compare(found, read_json(against)) if against else []
    if as_json:
        rows = [{"name": c.name, "planned": c.planned, "real": c.real, "off": c.off} for c in compared]
        print(json.dumps(plan_json(found) | ({"against": rows} if against else {}), ensure_ascii=False))
        return
    print(plan_text(found))
    if compared:
        print(compared_text(compared))
