"""Tokens per second of training against its peers, in the same run, each in a process of its own, median of several.

    python benchmarks/train.py --shape qwen2.5-7b --modes extune trl trl-packed unsloth   # one GPU, random weights
    python benchmarks/train.py --base models/base --data data/sft/train.jsonl --modes extune trl   # a real model
    python benchmarks/train.py --shape qwen2.5-7b --base models/base --data ...   # random weights, that tokenizer

Real tokens are counted, padding is not; the first steps are left out. A mode may have settings of its own, such as
`extune:batch=48,tokens=16384` (--batch, --steps and train.speed).
The workload of --shape: lengths log-normal around 320 tokens, 64 to 1,024, a quarter of each the answer. `trl` is plain
TRL as people write it: padded, bfloat16; `-ckpt` recomputes all layers. QLoRA everywhere: NF4, double quantisation,
rank 16 on all linear layers, no dropout.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

QUANTIZATION = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0}
SHAPES = {
    "qwen2.5-7b": ("Qwen2", {"vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944,
                             "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
                             "rms_norm_eps": 1e-6, "rope_theta": 1e6}),
    "smollm2-135m": ("Llama", {"vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
                               "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
                               "tie_word_embeddings": True}),
}  # fmt: skip
WARM = 0.4
"""The share of the steps that is not timed: kernels are chosen and compiled in them."""


def make(shape: str, folder: Path, base: str = "") -> None:
    """A model of that shape with random weights, and the tokenizer of `base`, or one that nobody asks anything."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models

    kind, sizes = SHAPES[shape]
    config = getattr(transformers, f"{kind}Config")(
        **sizes, max_position_embeddings=8192, eos_token_id=2, bos_token_id=1, pad_token_id=2
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
    model.save_pretrained(folder)
    if base:
        transformers.AutoTokenizer.from_pretrained(base).save_pretrained(folder)
        return
    words = models.WordLevel({"<unk>": 0, "<s>": 1, "</s>": 2}, unk_token="<unk>")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(words), eos_token="</s>", pad_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def random_rows(count: int) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of the workload."""
    dice = random.Random(0)
    rows = []
    for _ in range(count):
        size = int(min(1024, max(64, dice.lognormvariate(math.log(320), 0.5))))
        answer = max(16, size // 4)
        ids = [dice.randint(10, 40000) for _ in range(size)]
        rows.append((ids, [-100] * (size - answer) + ids[size - answer :]))
    return rows


def real_rows(path: Path, base: str) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of prompt-completion rows."""
    from extune.model import Base, load_encoder
    from extune.train.rows import tokenise

    lines = path.read_text(encoding="utf-8").splitlines()
    rows = tokenise(map(json.loads, lines), load_encoder(Base(base, {})))
    return [(row.input_ids, row.labels) for row in rows]


def clock(gpu: bool) -> Any:
    """A callback that notes when each step ended."""
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
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
    """The trainer of this package; --speed forces a part of its choice."""
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
    choice = choose(json.loads(asked.speed), model, load)
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

    trainer.training_step = counted  # type: ignore[method-assign]
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


def main() -> None:
    """Each mode in turn, several rounds; a row each with its ratio to the first peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--base", default="")
    parser.add_argument("--data", default="")
    parser.add_argument("--modes", nargs="+", default=["extune", "trl"])
    parser.add_argument("--rows", type=int, default=960)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--speed", default="{}")
    parser.add_argument("--mode", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.mode:
        one(asked)
        return
    with tempfile.TemporaryDirectory() as folder:
        if asked.shape:
            base = asked.base and str(Path(asked.base).resolve())
            program = f"import train; from pathlib import Path; train.make({asked.shape!r}, Path({folder!r}), {base!r})"
            subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
            asked.base = folder
        from extune.cli import ALLOCATOR

        found: dict[str, list[dict[str, Any]]] = {mode: [] for mode in asked.modes}
        for _ in range(asked.times):
            for mode in asked.modes:
                name, _, changes = mode.partition(":")
                own = dict(part.split("=") for part in changes.split(",") if part)
                said = {"--base": asked.base, "--data": asked.data, "--rows": asked.rows, "--batch": asked.batch,
                        "--steps": asked.steps, "--speed": asked.speed, "--mode": name}  # fmt: skip
                said |= {f"--{key}": value for key, value in own.items() if key in ("batch", "steps")}
                forced = {key: json.loads(value) for key, value in own.items() if key not in ("batch", "steps")}
                said["--speed"] = json.dumps(json.loads(asked.speed) | forced)
                own_memory = {"PYTORCH_ALLOC_CONF": ALLOCATOR} if name == "extune" else {}
                words = [str(word) for pair in said.items() if pair[1] != "" for word in pair]
                ended = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True,
                                       env={**os.environ, **own_memory, "HF_HUB_OFFLINE": "1"})  # fmt: skip
                lines = [line for line in ended.stdout.splitlines() if line.startswith('{"tokens_per_second"')]
                if lines:
                    found[mode].append(json.loads(lines[-1]))
                else:
                    print(f"{mode}: {ended.stderr[-1500:]}", file=sys.stderr)
                print(mode, lines[-1:], file=sys.stderr, flush=True)
    rates = {m: statistics.median(r["tokens_per_second"] for r in rows) for m, rows in found.items() if rows}
    print("| mode | tokens/s | peak GB | of " + " | of ".join(rates) + " |")
    print("|---|---|---|" + "---|" * len(rates))
    for mode, rate in rates.items():
        peak = max(row["peak_gb"] for row in found[mode])
        print(f"| {mode} | {rate:,.0f} | {peak:.1f} | " + " | ".join(f"{rate / r:.2f}" for r in rates.values()) + " |")


if __name__ == "__main__":
    main()
