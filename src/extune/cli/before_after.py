"""What tuning bought: the base model by itself beside the tuned version."""

import json
from typing import Annotated, Any

import typer

from .app import Json, app
from .extraction import BasePath
from .robustness import Limit, Model, Split


@app.command("before-after")
def before_after(
    model: Model = None,
    split: Split = "test",
    limit: Limit = None,
    shots: Annotated[int, typer.Option(help="Solved training records to show to the base.", min=0)] = 3,
    base: BasePath = None,
    as_json: Json = False,
) -> None:
    """Answer the same texts with the base: free, constrained, and with examples; and with the tuned version."""
    from ..api import load
    from ..before_after import flat, table
    from ..config import load as load_config
    from ..config import project_root
    from ..measure import Resampling, measure
    from ..measure import before_after as measured
    from ..shots import choose_shots
    from ..stages.data import read_records
    from ..trials import base_generator, gold, publish, spec_of, version_of, write

    root = project_root()
    config = load_config(root / "params.yaml")
    address = version_of(root, config, model)
    extractor: Any = load(address, base=base)
    version, settings = extractor.model, (extractor.generate.max_new_tokens, extractor.generate.batch_size)
    spec = spec_of(address, version)
    records = gold(root, split, limit, config.task.name, spec.prompt.task.name)
    tuned = measure(extractor, records, "tuned")
    del extractor  # two models at once may not fit
    solved = choose_shots(read_records(root, "train"), spec.prompt.task, shots, config.seed)
    generator = base_generator(spec, settings, base)
    drawn = Resampling(config.evaluate.resamples, config.seed)
    report = {"model": version, "base": spec.base["name"], "split": split}
    report |= measured(tuned, generator, spec.prompt, spec.split_num, records, solved, drawn)
    written = write(root, "before_after", report)
    run_id = publish(root, config, version, written, flat(report))
    print(json.dumps({**report, "run_id": run_id}, ensure_ascii=False) if as_json else "\n".join(table(report)))
