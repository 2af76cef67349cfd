"""How far a version falls when the texts or the prompt are disturbed."""

import json
from typing import Annotated, Any

import typer

from .app import Json, app
from .extraction import BasePath

Model = Annotated[
    str | None, typer.Option(help="models:/NAME/3, @alias, or an adapter folder; the registered one by default.")
]
Split = Annotated[str, typer.Option(help="Which of data/records.")]
Limit = Annotated[int | None, typer.Option(help="So many texts from its beginning.", min=1)]


@app.command()
def robustness(
    model: Model = None,
    split: Split = "test",
    limit: Limit = None,
    only: Annotated[list[str] | None, typer.Option(help="A disturbance; all by default. May be repeated.")] = None,
    base: BasePath = None,
    as_json: Json = False,
) -> None:
    """Disturb the test set in every way and tell the drops: typos, scripts, label order, injected orders, ..."""
    from ..api import load
    from ..config import load as load_config
    from ..config import project_root
    from ..measure import Resampling
    from ..measure import robustness as measured
    from ..robustness import check, flat, table
    from ..trials import gold, publish, version_of, write

    check(only or ())
    root = project_root()
    config = load_config(root / "params.yaml")
    address = version_of(root, config, model)
    extractor = load(address, base=base)
    records = gold(root, split, limit, config.task.name, extractor.prompt.task.name)
    report: dict[str, Any] = {"model": extractor.model, "split": split}
    report |= measured(extractor, records, only or (), Resampling(config.evaluate.resamples, config.seed))
    written = write(root, "robustness", report)
    run_id = publish(root, config, extractor.model, written, flat(report))
    print(json.dumps({**report, "run_id": run_id}, ensure_ascii=False) if as_json else "\n".join(table(report)))
