"""base and train: the base model made ready, and the adapter trained on it within an MLflow run."""

import csv
import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import checkpoints, processes
from ..artefact import base_folder, check_continued, find_base, prompt_of, weights_digest, write_spec
from ..bases import PACKAGED, fingerprint
from ..config import Config
from ..errors import ConfigError
from ..files import atomic, read_json, read_jsonl, write_json
from ..hub import commit
from ..lineage import git_state, library_versions, md5
from ..options import check
from ..prompt import PROMPT_VERSION
from ..schema import Schema, read_schema
from .continuing import ADAPTER, adapter_folder
from .data import RECORDS, SFT, read_records
from .identity import BASE, NOTE, checkpoint_folder, pinned, rows_per_step, token

log = logging.getLogger(__name__)

RUN = Path("models/train_run.json")
METRICS, CURVE = Path("metrics/train.json"), Path("plots/loss.csv")


def base(config: Config, root: Path) -> dict[str, Any]:
    """Make models/base: the embedded base converted, or a note of another one's fingerprint and commit."""
    name, target = config.model.base, root / BASE
    note = {"name": name}
    if name in PACKAGED:
        from ..model import convert_packaged

        note["fingerprint"] = convert_packaged(name, target)
    else:
        trust = config.model.trust_remote_code
        folder = Path(base_folder(name, config.model.revision, trust))
        note["fingerprint"] = fingerprint(folder, trust)
        note |= {"revision": found} if (found := commit(folder)) else {}
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
    write_json(root / BASE / NOTE, note)
    return {"base": name, **{key: note[key] for key in note if key != "name"}, "written": str(BASE)}


VARYING = ("seconds", "tokens_per_second", "peak_memory")
"""Figures of a training that differ from run to run: kept out of what DVC compares."""


def train(config: Config, root: Path) -> dict[str, Any]:
    """Train the adapter inside a tracked run; write models/adapter, models/train_run.json, metrics and loss curve."""
    from ..delivery import forget

    _look_over(config)
    note = read_json(root / BASE / NOTE, "Run `dvc repro base`")
    config = pinned(config, note)
    schema = read_schema(root / RECORDS / "schema.yaml", "Run `dvc repro prepare`")
    folder = checkpoint_folder(config, root, note)
    if processes.rank():
        with processes.together():
            return _beside(config, root, note, schema, folder)
    with checkpoints.alone(root), processes.together():
        checkpoints.tidy(folder)
        run_id, trained = _tracked(config, root, note, schema, folder)
        kept = {k: v for k, v in trained.metrics.items() if k not in VARYING}
        write_json(root / METRICS, kept)
        found_by = token(folder)
        digest = weights_digest(root / ADAPTER)
        write_json(root / RUN, {"run_id": run_id, "token": found_by, "adapter_sha256": digest})
        checkpoints.discard(folder)
        forget(root, found_by)
    if trained.dropped:
        log.warning("%d rows longer than the window were left out: %s", len(trained.dropped), trained.dropped[:5])
    return {"run_id": run_id, **{k: round(v, 4) for k, v in trained.metrics.items()}, "written": str(ADAPTER)}


def _look_over(config: Config) -> None:
    """Raise ConfigError for options that cannot be meant, and say which have no effect: as `extune plan` does."""
    from ..model import compute_dtype, device
    from ..plan.effects import stated

    check(config)
    if not processes.rank():
        here = device()
        for line in stated(config, here, here != "cpu", str(compute_dtype()) == "torch.bfloat16"):
            log.warning(line)


def _beside(config: Config, root: Path, note: Mapping[str, Any], schema: Schema, folder: Path) -> dict[str, Any]:
    """What all but the first of several processes do: train, and neither report nor write."""
    from ..train.interrupt import gate

    with gate() as signals:
        _trained(config, root, note, lambda *_: None, _keeping(config, folder, signals), _looking(config, root, schema))
    return {}


def _keeping(config: Config, folder: Path, signals: Any) -> Any:
    from ..train.resume import Keeping

    return Keeping(folder, config.train.checkpoint.steps, config.train.checkpoint.keep, signals)


def _tracked(
    config: Config, root: Path, note: Mapping[str, Any], schema: Schema, folder: Path
) -> tuple[str | None, Any]:
    """Train and report it; the run of an interrupted training goes on with it. No id if the server never answered."""
    from ..outbox import reported
    from ..train.interrupt import gate

    looking = _looking(config, root, schema)
    with gate() as signals, reported(root, config.tracking.experiment, token(folder)) as run:
        run.tags(git_state(root))
        run.params(chosen_params(config, note))
        for split, context in (("train", "training"), ("dev", "validation")):
            run.data(str(SFT / f"{split}.jsonl"), md5(root / SFT / f"{split}.jsonl"), context)
        keeping = _keeping(config, folder, signals)
        trained = _trained(config, root, note, run.metrics, keeping, looking)
        write_spec(root / ADAPTER, config, schema, note["fingerprint"], _base(config, note).choice)
        _write_curve(root / CURVE, trained.curve)
        run.artifact(root / CURVE)
        run.metrics(0, {f"train.{name}": value for name, value in trained.metrics.items()})
    return run.run_id, trained


def _looking(config: Config, root: Path, schema: Schema) -> Any:
    """What the model in training is looked at with, None for never. Raises ConfigError for an empty dev set."""
    from ..train.best import Looking

    asked = config.train.best
    if asked.every is None:
        if asked.patience is not None:
            log.warning("train.best.patience has no effect: train.best.every is null")
        return None
    records = read_records(root, "dev")[: asked.texts]
    if not records:
        raise ConfigError(
            "train.best.every is set, and dev has no records to look at",
            where=str(RECORDS / "dev.jsonl"),
            remedy="Set data.split.dev above 0 or give a dev file, or set train.best.every=null",
        )
    prompt = replace(prompt_of(config), schema=schema)
    return Looking(asked.every, asked.patience, records, prompt, config.task.split_num)


def _base(config: Config, note: Mapping[str, Any]) -> Any:
    return find_base({**config.model.model_dump(), "name": note["name"], "fingerprint": note["fingerprint"]})


def _trained(config: Config, root: Path, note: Mapping[str, Any], report: Any, keeping: Any, looking: Any) -> Any:
    from ..machine import sampler
    from ..train.run import Method
    from ..train.run import train as train_adapter

    machine = sampler()

    def on_log(step: int, values: Mapping[str, float]) -> None:
        report(step, {f"step.{name}": value for name, value in values.items()} | machine())

    base = _base(config, note)
    with tempfile.TemporaryDirectory() as scratch:
        adapter = _continued(config, root, note["fingerprint"], base, Path(scratch))
        return train_adapter(
            list(read_jsonl(root / SFT / "train.jsonl", "Run `dvc repro build`")),
            base,
            base_name=config.model.base,
            sft=config.train.sft,
            method=Method(config.train.method, config.train.lora, config.train.prefix, adapter),
            speed=config.train.speed.model_dump(),
            seed=config.seed,
            max_dropped=config.train.max_dropped,
            out=root / ADAPTER,
            scratch=Path(scratch),
            on_log=on_log,
            keeping=keeping,
            looking=looking,
        )


def _continued(config: Config, root: Path, fingerprint: str, base: Any, scratch: Path) -> Path | None:
    """The folder of the adapter to train on, if any. Raises ModelError where it belongs to another base or prompt."""
    given = config.train.adapter
    if given is None:
        return None
    folder = adapter_folder(given, root, scratch)
    check_continued(folder, config, fingerprint, base.choice)
    return folder


def chosen_params(config: Config, base: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters a person compares runs by; the libraries' hundreds of others are left out.

    `base`: its fingerprint, and its commit where it has one.
    """
    lora, sft, asked = config.train.lora, config.train.sft, config.task
    return {
        "seed": config.seed,
        "data.source": config.data.source,
        "data.reader": config.data.reader,
        "task.name": asked.name,
        "task.notation": asked.notation,
        "task.split_num": asked.split_num,
        "task.negatives": asked.negatives,
        "prompt.version": PROMPT_VERSION,
        "model.base": config.model.base,
        "model.fingerprint": base["fingerprint"][:16],
        **({"model.revision": base["revision"]} if base.get("revision") else {}),
        **{f"model.{k}": v for k, v in config.model.quantization.items()},
        **{f"lora.{k}": v for k, v in lora.items()},
        **{f"sft.{k}": v for k, v in sft.items()},
        "processes": processes.size(),
        "rows_per_step": rows_per_step(config),
        **{f"version.{k}": v for k, v in library_versions().items() if k in ("torch", "transformers", "extune")},
    }


def _write_curve(path: Path, curve: list[dict[str, float]]) -> None:
    with atomic(path) as handle:
        writer = csv.DictWriter(handle, ["step", "loss"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"step": int(row["step"]), "loss": f"{row['loss']:.6f}"} for row in curve)
