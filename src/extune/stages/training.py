"""base and train: the base model made ready, and the adapter trained on it within an MLflow run."""

import csv
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..artefact import base_folder, find_base, write_spec
from ..bases import PACKAGED, fingerprint, sha256
from ..config import Config
from ..files import atomic, read_json, read_jsonl, write_json
from ..lineage import git_state, library_versions
from ..prompt import PROMPT_VERSION
from ..schema import read_schema
from .data import RECORDS, SFT

log = logging.getLogger(__name__)

BASE, ADAPTER, RUN = Path("models/base"), Path("models/adapter"), Path("models/train_run.json")
METRICS, CURVE = Path("metrics/train.json"), Path("plots/loss.csv")


def base(config: Config, root: Path) -> dict[str, Any]:
    """Make models/base: the embedded base converted, or a note of another one's fingerprint."""
    from ..model import convert_packaged

    name, target = config.model.base, root / BASE
    if name in PACKAGED:
        found = convert_packaged(name, target)
    else:
        found = fingerprint(Path(base_folder(name, config.model.revision)))
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
    write_json(root / BASE / NOTE, {"name": name, "fingerprint": found})
    return {"base": name, "fingerprint": found, "written": str(BASE)}


NOTE = "base.note"
"""Not `.json`: the fingerprint covers those."""


def train(config: Config, root: Path) -> dict[str, Any]:
    """Train the adapter inside a tracked run; write models/adapter, models/train_run.json, metrics and loss curve."""
    from ..tracking import connect, log_data, log_params, run

    note = read_json(root / BASE / NOTE, "Run `dvc repro base`")
    schema = read_schema(root / RECORDS / "schema.yaml", "Run `dvc repro prepare`")
    client = connect(root, config.tracking.experiment)
    with run(client, config.tracking.experiment, git_state(root)) as run_id:
        log_params(client, run_id, chosen_params(config, note["fingerprint"]))
        for split, context in (("train", "training"), ("dev", "validation")):
            log_data(client, run_id, root / SFT / f"{split}.jsonl", str(SFT / f"{split}.jsonl"), context)
        trained = _trained(config, root, note, lambda step, values: _log(client, run_id, step, values))
        write_spec(root / ADAPTER, config, schema, note["fingerprint"])
        _write_curve(root / CURVE, trained.curve)
        client.log_artifact(run_id, str(root / CURVE))
        for name, value in trained.metrics.items():
            client.log_metric(run_id, f"train.{name}", value)
    write_json(root / METRICS, {k: v for k, v in trained.metrics.items() if k not in ("seconds", "tokens_per_second")})
    write_json(root / RUN, {"run_id": run_id, "adapter_sha256": sha256(root / ADAPTER / "adapter_model.safetensors")})
    if trained.dropped:
        log.warning("%d rows longer than the window were left out: %s", len(trained.dropped), trained.dropped[:5])
    return {"run_id": run_id, **{k: round(v, 4) for k, v in trained.metrics.items()}, "written": str(ADAPTER)}


def _trained(config: Config, root: Path, note: Mapping[str, Any], on_log: Any) -> Any:
    from ..train import train as train_adapter

    wanted = {**config.model.model_dump(), "name": note["name"], "fingerprint": note["fingerprint"]}
    with tempfile.TemporaryDirectory() as scratch:
        return train_adapter(
            list(read_jsonl(root / SFT / "train.jsonl", "Run `dvc repro build`")),
            find_base(wanted),
            base_name=config.model.base,
            sft=config.train.sft,
            lora=config.train.lora,
            seed=config.seed,
            max_dropped=config.train.max_dropped,
            out=root / ADAPTER,
            scratch=Path(scratch),
            on_log=on_log,
        )


def _log(client: Any, run_id: str, step: int, values: Mapping[str, float]) -> None:
    import time

    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    client.log_batch(run_id, metrics=[Metric(f"step.{k}", v, now, step) for k, v in values.items()])


def chosen_params(config: Config, base_fingerprint: str) -> dict[str, Any]:
    """The parameters a person compares runs by; the libraries' hundreds of others are left out."""
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
        "model.fingerprint": base_fingerprint[:16],
        **{f"model.{k}": v for k, v in config.model.quantization.items()},
        **{f"lora.{k}": v for k, v in lora.items()},
        **{f"sft.{k}": v for k, v in sft.items()},
        **{f"version.{k}": v for k, v in library_versions().items() if k in ("torch", "transformers", "extune")},
    }


def _write_curve(path: Path, curve: list[dict[str, float]]) -> None:
    with atomic(path) as handle:
        writer = csv.DictWriter(handle, ["step", "loss"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"step": int(row["step"]), "loss": f"{row['loss']:.6f}"} for row in curve)
