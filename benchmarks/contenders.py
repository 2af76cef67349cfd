"""The trainers that are timed, each in a process of its own: `contenders.py JSON` is one of them.

Only `ours` and rows of --data need this project: unsloth is run by an interpreter of its own.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from workload import random_rows, real_rows

QUANTIZATION = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0}
WARM = 0.4
"""The share of the steps that is not timed: kernels are chosen and compiled in them."""


def clock(gpu: bool) -> Any:
    """A callback that notes when each step ended."""
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if gpu:
                torch.cuda.synchronize()
            self.ends.append(time.perf_counter())

    return Clock()


def options(asked: argparse.Namespace, folder: str, **more: Any) -> Any:
    """What TRL is told in every mode."""
    import torch
    from trl import SFTConfig

    return SFTConfig(
        output_dir=folder, per_device_train_batch_size=asked.batch, max_steps=asked.steps, learning_rate=1e-4,
        logging_steps=10, report_to=[], save_strategy="no", disable_tqdm=True, max_length=1024,
        use_cpu=not torch.cuda.is_available(), **more,
    )  # fmt: skip


def ours(asked: argparse.Namespace, rows: Any, ticks: Any, folder: str) -> tuple[float, str]:
    """The trainer of this package; `speed` forces a part of its choice."""
    import torch
    from transformers import AutoTokenizer

    from extune import methods
    from extune.footprint import lengths_report
    from extune.model import Base, load_base
    from extune.train.resume import Keeping
    from extune.train.rows import Tokenised
    from extune.train.speed import Workload, choose
    from extune.train.trainer import Trainer

    tokenised = [Tokenised(str(n), ids, labels) for n, (ids, labels) in enumerate(rows)]
    base = Base(asked.base, QUANTIZATION)
    model = load_base(base)
    common = lengths_report(tokenised, 1024, asked.batch).common
    load = Workload(tokenised, asked.batch, 1024, "lora", LORA, QUANTIZATION, common=common)
    choice = choose(asked.speed, model, load)
    torch.manual_seed(0)
    attached = methods.attach(model, "lora", base.choice.family, lora=LORA, prefix={})
    args = options(
        asked, folder, bf16=False, gradient_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True}
    )
    trainer = Trainer(
        rows=tokenised, choice=choice, keeping=Keeping(), model=attached, args=args, callbacks=[ticks],
        processing_class=AutoTokenizer.from_pretrained(asked.base),
    )  # fmt: skip
    seen: list[float] = []
    step = trainer.training_step

    def counted(*given: Any, **named: Any) -> Any:
        seen.append(trainer.tokens)
        return step(*given, **named)

    trainer.training_step = counted  # type: ignore[method-assign]
    trainer.train()
    first = int(len(ticks.ends) * WARM)
    return trainer.tokens - seen[first], choice.why


def peer(asked: argparse.Namespace, rows: Any, ticks: Any, folder: str) -> tuple[float, str]:
    """TRL, padded or packed, with Liger's kernels or without; or unsloth."""
    mode = asked.mode
    columns = {"input_ids": [ids for ids, _ in rows], "labels": [labels for _, labels in rows]}
    more: dict[str, Any] = {"gradient_checkpointing": "ckpt" in mode and "unsloth" not in mode}
    if "packed" in mode and "unsloth" not in mode:
        more |= {"packing": True, "packing_strategy": "bfd", "completion_only_loss": True}
        masks = [[int(label != -100) for label in labels] for _, labels in rows]
        columns = {"input_ids": columns["input_ids"], "completion_mask": masks}
    else:
        more["dataset_kwargs"] = {"skip_prepare_dataset": True}
    more["use_liger_kernel"] = "liger" in mode
    model, tokenizer, adapter = (unsloth_model if mode.startswith("unsloth") else trl_model)(asked)
    import torch
    from datasets import Dataset
    from trl import SFTTrainer

    trainer = SFTTrainer(
        model=model, args=options(asked, folder, bf16=torch.cuda.is_available(), **more), callbacks=[ticks],
        train_dataset=Dataset.from_dict(columns), processing_class=tokenizer, peft_config=adapter,
    )  # fmt: skip
    seen: list[int] = []
    step = trainer.training_step

    def counted(model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
        mask = inputs.get("attention_mask")
        seen.append(int(inputs["input_ids"].numel() if mask is None else mask.sum()))
        return step(model, inputs, *given, **named)

    trainer.training_step = counted
    trainer.train()
    return float(sum(seen[int(len(ticks.ends) * WARM) :])), ""


def trl_model(asked: argparse.Namespace) -> tuple[Any, Any, Any]:
    """Plain transformers and peft."""
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    model = AutoModelForCausalLM.from_pretrained(
        asked.base, dtype=torch.bfloat16, device_map={"": 0 if torch.cuda.is_available() else "cpu"},
        quantization_config=BitsAndBytesConfig(**QUANTIZATION, bnb_4bit_compute_dtype=torch.bfloat16),
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(asked.base)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return model, tokenizer, LoraConfig(**LORA, target_modules="all-linear", task_type="CAUSAL_LM")


def unsloth_model(asked: argparse.Namespace) -> tuple[Any, Any, Any]:
    """unsloth, padding-free by its own default."""
    import torch
    from unsloth import FastLanguageModel

    model, tokenizer = FastLanguageModel.from_pretrained(
        asked.base, max_seq_length=1024, load_in_4bit=True, dtype=torch.bfloat16
    )
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = FastLanguageModel.get_peft_model(
        model, **LORA, target_modules=names, use_gradient_checkpointing="unsloth" if "ckpt" in asked.mode else False
    )
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return model, tokenizer, None


def one(asked: argparse.Namespace) -> None:
    """One mode, in this process; prints a line of JSON."""
    if asked.mode.startswith("unsloth"):
        import unsloth  # noqa: F401
    import torch

    gpu = torch.cuda.is_available()
    rows = real_rows(Path(asked.data), asked.base) if asked.data else random_rows(asked.rows)
    ticks = clock(gpu)
    run = ours if asked.mode.startswith("extune") else peer
    with tempfile.TemporaryDirectory() as folder:
        tokens, why = run(asked, rows, ticks, folder)
    first = int(len(ticks.ends) * WARM)
    seconds = ticks.ends[-1] - ticks.ends[first - 1]
    peak = torch.cuda.max_memory_allocated() / 1e9 if gpu else 0.0
    print(json.dumps({"tokens_per_second": tokens / seconds, "peak_gb": peak, "why": why}))


if __name__ == "__main__":
    one(argparse.Namespace(**json.loads(sys.argv[1])))
