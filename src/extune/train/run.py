"""Rows become an adapter: QLoRA supervised fine-tuning through TRL, loss on the answers only.

QLoRA: https://arxiv.org/abs/2305.14314; LoRA: https://arxiv.org/abs/2106.09685.
"""

import logging
import resource
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import PrinterCallback
from trl import SFTConfig

from .. import methods
from ..errors import EnvironmentProblem
from ..files import read_json
from ..footprint import common_among, lengths_report, stochastic
from ..model import Base, compute_dtype, device, load_base, load_encoder
from ..options import told_as
from ..processes import agreed, parting
from ..tokens import ChatEncoder
from ..unread import followed
from . import sharding
from .best import Best, Looking, dev_f1
from .interrupt import Interrupted
from .resume import Keeping
from .rows import MASKED, Tokenised, tokenise, within
from .speed import Choice, Workload, choose
from .spread import SHARDED, checked, keepable, kind, shardable
from .trainer import Trainer
from .watch import OnLog, Watch, flop_per_token

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training run gives besides the adapter on disk."""

    metrics: dict[str, float]
    curve: list[dict[str, float]]
    dropped: list[str]


@dataclass(frozen=True)
class Method:
    """What is trained: `train.method` with its options, and the adapter that it goes on from, if any."""

    name: str = "lora"
    lora: Mapping[str, Any] = field(default_factory=dict)
    prefix: Mapping[str, Any] = field(default_factory=dict)
    adapter: Path | None = None


def train(
    rows: Sequence[Mapping[str, Any]],
    base: Base,
    *,
    base_name: str,
    sft: Mapping[str, Any],
    method: Method,
    seed: int,
    max_dropped: float,
    out: Path,
    scratch: Path,
    speed: Mapping[str, Any] | None = None,
    on_log: OnLog = lambda step, values: None,
    keeping: Keeping | None = None,
    looking: Looking | None = None,
) -> Trained:
    """Train an adapter (or all of a model), from its newest checkpoint if there is one, and write it to `out`.

    Raises ConfigError for options SFTConfig or the method refuse; Interrupted at a signal, with a checkpoint written;
    EnvironmentProblem where the disk does not take the adapter.
    """
    methods.check(method.name, base.quantization, device())
    encoder = load_encoder(base)
    given = checked(followed(sft))
    fixed = _defaults(scratch, seed, method.name == "full" or "deepspeed" in given)
    args = methods.options(SFTConfig, "train.sft", _whole_steps({**fixed, **given}))
    args._n_gpu = min(args.n_gpu, 1)  # transformers would split the step over all GPUs by threads
    tokenised = tokenise(rows, encoder)
    kept, dropped = within(tokenised, args.max_length, max_dropped)
    lengths = lengths_report(tokenised, args.max_length, args.train_batch_size)
    log.info("train: %s", lengths.line())
    spread = kind(args)
    keeping = keepable(keeping or Keeping(), spread, args)
    dtype = keeping.settled("dtype", str(compute_dtype()).removeprefix("torch."))
    base = replace(shardable(base, spread), dtype=dtype)
    model = load_base(base)
    load = Workload(
        kept, args.train_batch_size, args.max_length, method.name, method.lora, base.quantization, str(args.optim),
        bool(args.fp16), stochastic(model.config.to_dict(), method.name, _lora(method), args.neftune_noise_alpha),
        lengths.common,
    )  # fmt: skip
    choice = Choice(**keeping.settled("choice", asdict(agreed(choose(speed or {}, model, load, spread)))))
    log.info("train: %s", choice.why)
    torch.manual_seed(seed)
    trainer = _trainer(
        rows=kept,
        choice=choice,
        keeping=keeping,
        model=methods.attach(
            model, method.name, base.choice.family, lora=method.lora, prefix=method.prefix, adapter=method.adapter
        ),
        args=args,
        processing_class=encoder.tokenizer,
    )
    best = _best(looking, kept, encoder, on_log)
    pieces = max(1.0, load.tokens / choice.tokens)
    common = common_among(load.common, load.step, load.step / pieces) if choice.prefixes else 0.0
    watch = Watch(on_log, lambda: trainer.tokens, flop_per_token(trainer.model, kept, choice.recompute, common))
    for callback in (*best, watch):
        trainer.add_callback(callback)
    result = _unless_stopped(trainer)
    first = args.process_index == 0
    weights = sharding.trained(trainer.model, first) if spread in SHARDED else None
    parting()
    if first:
        _save(trainer.model, method.name, base, base_name, out, weights)
    curve = [{"step": float(r["step"]), "loss": float(r["loss"])} for r in trainer.state.log_history if "loss" in r]
    metrics = {
        "train_loss": float(result.training_loss),
        "steps": float(trainer.state.global_step),
        "rows": float(len(kept)),
        "rows_dropped": float(len(dropped)),
        "tokens": float(trainer.tokens),
        "seconds": trainer.seconds,
        "tokens_per_second": trainer.tokens / trainer.seconds,
        "peak_memory": _peak(),
    } | {name: value for one in best for name, value in one.figures.items()}
    return Trained(metrics, curve, dropped)


def _lora(method: Method) -> Mapping[str, Any]:
    """The settings of the adapter: an earlier one's own, if it is trained on."""
    path = method.adapter and method.adapter / "adapter_config.json"
    return read_json(path) if path and path.is_file() else method.lora


def _peak() -> float:
    """Bytes: the most that was allocated on the GPU, else the most that the process had."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _best(looking: Looking | None, rows: Sequence[Tokenised], encoder: ChatEncoder, on_log: OnLog) -> list[Best]:
    """The callback that looks, if it is asked for; an answer may be a quarter longer than any it learns from."""
    if looking is None:
        return []
    longest = max(sum(label != MASKED for label in row.labels) for row in rows) * 5 // 4
    f1 = partial(dev_f1, looking=looking, encoder=encoder, longest=longest)
    return [Best(f1, looking.every, looking.patience, on_log)]


def _unless_stopped(trainer: Trainer) -> Any:
    """What training returns; a signal drops the step that was begun, and keeps all before it."""
    try:
        return trainer.train()
    except torch.OutOfMemoryError as exc:
        raise trainer.out_of_memory() from exc
    except Interrupted as stop:
        trainer.keep()
        done, kept = trainer.state.global_step, trainer.kept
        goes_on = f"the same command goes on after step {kept}" if kept else "nothing is kept yet"
        raise Interrupted(stop.number, f"stopped by {stop.name} after step {done}; {goes_on}") from None


def _save(model: Any, method: str, base: Base, name: str, out: Path, weights: Mapping[str, Any] | None) -> None:
    """Whole or not at all, so that a full disk leaves no half of an adapter."""
    fresh = out.with_name(f".{out.name}.unfinished")
    try:
        methods.save(model, method, base, name, fresh, weights)
        shutil.rmtree(out, ignore_errors=True)
        fresh.rename(out)
    except (OSError, SafetensorError) as exc:
        shutil.rmtree(fresh, ignore_errors=True)
        raise EnvironmentProblem(
            f"cannot be written ({exc})", where=str(out), remedy="Free space; the same command then goes on, trained"
        ) from exc


def _trainer(**parts: Any) -> Trainer:
    """Raises ConfigError for options that do not go together."""
    with told_as("train.sft"):
        trainer = Trainer(**parts)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _defaults(scratch: Path, seed: int, autocast: bool = False) -> dict[str, Any]:
    """What a run of this project always wants of SFTConfig; params.yaml may still say otherwise.

    No autocast to bfloat16: the model is in that type already where the hardware has it, and the adapter is float32.
    A fully trained model is in float32 and computes in bfloat16; DeepSpeed keeps float32 copies itself.
    """
    gpu, dtype = torch.cuda.is_available(), compute_dtype()
    return {
        "output_dir": str(scratch),
        "seed": seed,
        "use_cpu": not gpu,
        "bf16": autocast and gpu and dtype is torch.bfloat16,
        "fp16": gpu and dtype is torch.float16,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "report_to": [],
        "disable_tqdm": True,
        "save_strategy": "no",
        "gradient_checkpointing": False,
        "dataloader_pin_memory": gpu,
        "ddp_find_unused_parameters": False,
    }


def _whole_steps(sft: Mapping[str, Any]) -> dict[str, Any]:
    """The loader hands over all rows of a step, and the trainer cuts them; transformers then has nothing to gather."""
    rows, parts = (int(sft.get(key) or 1) for key in ("per_device_train_batch_size", "gradient_accumulation_steps"))
    return {**sft, "per_device_train_batch_size": rows * parts, "gradient_accumulation_steps": 1}
