"""Rows become an adapter: QLoRA supervised fine-tuning through TRL, loss on the answers only.

QLoRA: https://arxiv.org/abs/2305.14314; LoRA: https://arxiv.org/abs/2106.09685.
"""

import difflib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from tqdm import tqdm
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from .errors import ConfigError, DataError
from .model import Base, compute_dtype, load_base, load_encoder, save_adapter
from .tokens import ChatEncoder

log = logging.getLogger(__name__)

OnLog = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Tokenised:
    """A row as ids: the prompt masked in `labels`."""

    id: str
    input_ids: list[int]
    labels: list[int]


def tokenise(rows: Iterable[Mapping[str, Any]], encoder: ChatEncoder) -> list[Tokenised]:
    """Prompt-completion rows as ids, by the code that also encodes prompts when serving."""
    return [Tokenised(row["id"], *encoder.example(row["prompt"], row["completion"][0]["content"])) for row in rows]


def within(rows: Sequence[Tokenised], window: int, max_dropped: float) -> tuple[list[Tokenised], list[str]]:
    """The rows that fit, and the ids of those that do not: an answer is never cut.

    Raises DataError when none fits or the share dropped is above `max_dropped`.
    """
    kept = [row for row in rows if len(row.input_ids) <= window]
    dropped = [row.id for row in rows if len(row.input_ids) > window]
    remedy = "Raise train.sft.max_length, lower task.split_num, or raise train.max_dropped"
    if not rows:
        raise DataError(
            "the training set is empty", where="data/sft/train.jsonl", remedy="See `dvc repro prepare build`"
        )
    if len(dropped) > max_dropped * len(rows):
        longest = max(len(row.input_ids) for row in rows)
        raise DataError(
            f"{len(dropped)} of {len(rows)} rows are longer than train.sft.max_length = {window} (longest {longest}, "
            f"first {dropped[0]})",
            remedy=remedy,
        )
    return kept, dropped


class AnswerRowsTrainer(SFTTrainer):
    """SFTTrainer that runs the head on answer positions only.

    TRL does so on GPUs; on a CPU its fused head scores every position, which for a small model costs more than
    the layers do. The loss is the same.
    """

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross-entropy of the answer tokens, averaged over those of the whole step."""
        if inputs["input_ids"].device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        inner = model.get_base_model()
        hidden = inner.base_model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
        ).last_hidden_state[:, :-1]
        labels = inputs["labels"][:, 1:]
        answered = labels != -100
        logits = inner.get_output_embeddings()(hidden[answered]).float()
        loss = torch.nn.functional.cross_entropy(logits, labels[answered], reduction="sum")
        loss = loss / (answered.sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, {"logits": logits}) if return_outputs else loss


class _Watch(TrainerCallback):
    """A progress bar with time left and loss on stderr; the numbers of every logged step handed on."""

    def __init__(self, send: OnLog) -> None:
        self.send = send

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called once, when the number of steps is known."""
        self.bar = tqdm(total=state.max_steps, desc="train", unit="step")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called after every optimiser step."""
        self.bar.update(state.global_step - self.bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called once, at the end."""
        self.bar.close()

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Called by the trainer at logging steps and once at the end."""
        numbers = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        if "loss" in numbers:
            self.bar.set_postfix(loss=f"{numbers['loss']:.3f}", refresh=False)
        self.send(int(state.global_step), numbers)


@dataclass(frozen=True)
class Trained:
    """What a training run gives besides the adapter on disk."""

    metrics: dict[str, float]
    curve: list[dict[str, float]]
    dropped: list[str]


def train(
    rows: Sequence[Mapping[str, Any]],
    base: Base,
    *,
    base_name: str,
    sft: Mapping[str, Any],
    lora: Mapping[str, Any],
    seed: int,
    max_dropped: float,
    out: Path,
    scratch: Path,
    on_log: OnLog = lambda step, values: None,
) -> Trained:
    """Train an adapter and write it to `out`. Raises ConfigError for options SFTConfig or LoraConfig refuse."""
    encoder = load_encoder(base)
    args = _options(SFTConfig, "train.sft", {**_defaults(scratch, seed), **sft})
    kept, dropped = within(tokenise(rows, encoder), args.max_length, max_dropped)
    torch.manual_seed(seed)
    trainer = _trainer(
        model=load_base(base),
        args=args,
        train_dataset=Dataset.from_list([{"input_ids": r.input_ids, "labels": r.labels} for r in kept]),
        processing_class=encoder.tokenizer,
        peft_config=_options(LoraConfig, "train.lora", {"task_type": "CAUSAL_LM", **lora}),
        callbacks=[_Watch(on_log)],
    )
    _adapter_in_compute_dtype(trainer.model)
    began = time.monotonic()
    result = trainer.train()
    seconds = time.monotonic() - began
    save_adapter(trainer.model, out, base_name)
    tokens = sum(len(row.input_ids) for row in kept) * float(trainer.state.epoch or 0.0)
    curve = [{"step": float(r["step"]), "loss": float(r["loss"])} for r in trainer.state.log_history if "loss" in r]
    metrics = {
        "train_loss": float(result.training_loss),
        "steps": float(trainer.state.global_step),
        "rows": float(len(kept)),
        "rows_dropped": float(len(dropped)),
        "tokens": tokens,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
    }
    return Trained(metrics, curve, dropped)


def _trainer(**parts: Any) -> AnswerRowsTrainer:
    """Raises ConfigError where the adapter does not fit the base, such as target modules it does not have."""
    try:
        trainer = AnswerRowsTrainer(**parts)
    except ValueError as exc:
        raise ConfigError(f"train.lora, train.sft: {str(exc).splitlines()[0]}", where="params.yaml") from exc
    trainer.remove_callback(PrinterCallback)
    return trainer


def _adapter_in_compute_dtype(model: Any) -> None:
    """TRL puts the adapter of a quantised base into bfloat16, which is slow and coarse where bf16 has no hardware."""
    if compute_dtype() is torch.float32:
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()


def _defaults(scratch: Path, seed: int) -> dict[str, Any]:
    """What a run of this project always wants of SFTConfig; params.yaml may still say otherwise."""
    gpu, dtype = torch.cuda.is_available(), compute_dtype()
    return {
        "output_dir": str(scratch),
        "seed": seed,
        "use_cpu": not gpu,
        "bf16": gpu and dtype is torch.bfloat16,
        "fp16": gpu and dtype is torch.float16,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "report_to": [],
        "disable_tqdm": True,
        "save_strategy": "no",
        "gradient_checkpointing": False,
        "dataloader_pin_memory": gpu,
    }


def _options(kind: Any, section: str, values: Mapping[str, Any]) -> Any:
    """An instance of a Hugging Face options class. Raises ConfigError naming the section of params.yaml."""
    unknown = [key for key in values if key not in kind.__dataclass_fields__]
    if unknown:
        near = difflib.get_close_matches(unknown[0], kind.__dataclass_fields__, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"See the documentation of {kind.__name__}"
        raise ConfigError(f"unknown key '{section}.{unknown[0]}'", where="params.yaml", remedy=hint)
    try:
        return kind(**values)
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"{section}: {str(exc).splitlines()[0]}", where="params.yaml") from exc
