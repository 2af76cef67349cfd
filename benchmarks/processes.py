"""One process against several on the same steps: whether they learn the same, and how many tokens a second they make.

    python benchmarks/processes.py [--processes N] [--ways ddp fsdp2 zero2 zero3] [--base FOLDER | --shape NAME]

Only `extune.train` is used, without MLflow and DVC. Without --base it is a random llama over bytes of that shape, and
nothing has to be fetched. Every run makes the same optimiser steps of --batch rows; DDP holds a copy of the model in
each process, FSDP2 and DeepSpeed's ZeRO-3 a part of it. Exit 1 if a loss curve departs from that of one process by more
than --tolerance.
"""

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measure import markdown

from extune.errors import ExtuneError

SHAPES = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
    "135m": {
        "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
        "num_key_value_heads": 3, "tie_word_embeddings": True,
    },
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32},
    "t5": {
        "model_type": "t5", "d_model": 768, "d_kv": 64, "d_ff": 2048, "num_layers": 8, "num_heads": 12,
        "feed_forward_proj": "gated-gelu", "decoder_start_token_id": 0,
    },
    "7b": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
}  # fmt: skip
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
PRESETS = Path(__file__).resolve().parents[1] / "presets"
WAYS: dict[str, dict[str, Any]] = {
    "ddp": {},
    "fsdp2": {"fsdp": True, "fsdp_config": {"version": 2}},
    "zero2": {"deepspeed": str(PRESETS / "deepspeed-zero2.json")},
    "zero3": {"deepspeed": str(PRESETS / "deepspeed-zero3.json")},
}


def write_base(folder: Path, shape: str, vocabulary: int = 32000) -> None:
    """A random model, a llama unless the shape says otherwise, with a tokenizer over bytes."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({text: n for n, text in enumerate([*CONTROL, *letters])}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True) for token in CONTROL])
    names = {"bos_token": CONTROL[1], "eos_token": CONTROL[2], "pad_token": CONTROL[0]}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = AutoConfig.for_model(**{
        "model_type": "llama", "vocab_size": 512 if shape == "tiny" else vocabulary, "max_position_embeddings": 4096,
        "eos_token_id": 2, "pad_token_id": 0, **SHAPES[shape],
    })  # fmt: skip
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = kind.from_config(config)
    model.to(torch.float32 if shape == "tiny" else torch.bfloat16).save_pretrained(folder)


def rows(count: int, longest: int) -> list[dict[str, Any]]:
    """Prompts and answers of very different lengths, one character a token."""
    dice = random.Random(0)
    made = []
    for number in range(count):
        words = " ".join(
            f"Ann{dice.randrange(99)} founded Bolt{number}." for _ in range(dice.randrange(1, longest // 25))
        )
        answer = "; ".join(words.split(".")[:3])
        prompt = [{"role": "user", "content": f"Extract: {words}"[: longest - 200]}]
        made.append(
            {"id": str(number), "prompt": prompt, "completion": [{"role": "assistant", "content": answer[:120]}]}
        )
    return made


def work(asked: Mapping[str, Any], out: Path) -> None:
    """What each process does; the first writes what came of it."""
    from extune.model import Base
    from extune.processes import rank, size
    from extune.train.run import Method, train

    speeds: list[float] = []
    done = train(
        rows(asked["batch"] * asked["steps"], asked["longest"]),
        Base(asked["base"], NF4 if asked["bits"] == 4 else {}),
        base_name="benchmark",
        sft={
            "max_steps": asked["steps"], "per_device_train_batch_size": asked["batch"] // size(), "logging_steps": 1,
            "max_length": asked["longest"], "learning_rate": 1e-3, "adam_epsilon": 1e-4, **WAYS[asked["way"]],
        },
        method=Method(lora={"r": 16, "lora_alpha": 32, "target_modules": "all-linear"}),
        speed=asked["speed"],
        seed=1,
        max_dropped=1.0,
        out=out / "adapter",
        scratch=out / "scratch",
        on_log=lambda step, values: speeds.append(values.get("tokens_per_second", 0.0)) if "loss" in values else None,
    )  # fmt: skip
    if not rank():
        late = speeds[len(speeds) // 2 :]
        peak = done.metrics.get("peak_memory", 0.0) / 1e9
        figures = {"speed": statistics.median(late), "peak": peak, "curve": [row["loss"] for row in done.curve]}
        (out / "done.json").write_text(json.dumps(figures), encoding="utf-8")


def run(asked: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The figures of one training by so many processes."""
    from extune.processes import launch

    with tempfile.TemporaryDirectory() as folder:
        words = [str(Path(__file__).resolve()), "--work", json.dumps(asked), folder]
        if count > 1:
            launch(count, words)
        else:
            subprocess.run([sys.executable, *words], check=True)
        figures: dict[str, Any] = json.loads((Path(folder) / "done.json").read_text(encoding="utf-8"))
    return figures


def apart(one: list[float], other: list[float]) -> float:
    """The largest relative difference of two curves."""
    return max(abs(a - b) / abs(a) for a, b in zip(one, other, strict=True))


def parser() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--processes", type=int, default=0, help="default: the visible GPUs, 2 without any")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["ddp"])
    parser.add_argument("--base", type=Path, help="a folder with a model")
    parser.add_argument("--shape", choices=SHAPES, default="tiny")
    parser.add_argument("--bits", type=int, choices=(4, 16), default=16)
    parser.add_argument("--batch", type=int, default=8, help="rows of a step, in all processes together")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--times", type=int, default=1, help="rounds, of which the median is taken")
    parser.add_argument("--longest", type=int, default=1024, help="tokens of a row")
    parser.add_argument("--speed", type=json.loads, default={}, help="train.speed as JSON")
    parser.add_argument("--tolerance", type=float, default=0.02)
    return parser


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--work"]:
        from extune.processes import enter

        enter()
        work(json.loads(sys.argv[2]), Path(sys.argv[3]))
        return
    asked = parser().parse_args()
    from extune.cli import MEMORY

    os.environ |= {"TOKENIZERS_PARALLELISM": "false", **MEMORY}
    with tempfile.TemporaryDirectory() as scratch:
        base = asked.base.resolve() if asked.base else Path(scratch)
        if not asked.base:
            # In a process of its own, so that this one takes no memory of a GPU.
            program = (
                f"import processes as p; from pathlib import Path; p.write_base(Path({str(base)!r}), {asked.shape!r})"
            )
            subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
        sys.exit(table(asked, str(base)))


def table(asked: argparse.Namespace, base: str) -> int:
    """Train in turn, print, and say whether all ways ended with the curve of one process (0) or not (1)."""
    count = asked.processes or gpus() or 2
    given = {name: getattr(asked, name) for name in ("batch", "steps", "longest", "speed", "bits")} | {"base": base}
    absent = importlib.util.find_spec("deepspeed") is None
    without = {way: "not installed" for way in asked.ways if absent and "deepspeed" in WAYS[way]}
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in asked.ways}
    alone: list[dict[str, Any]] = []
    for _ in range(asked.times):
        alone.append(run({**given, "way": "ddp"}, 1))
        for way in (way for way in asked.ways if way not in without):
            try:
                found[way].append(run({**given, "way": way}, count))
            except ExtuneError as exc:
                print(f"{way}: {exc}", file=sys.stderr, flush=True)
                without[way] = "failed"
    ended = {way: figures for way, figures in found.items() if way not in without}
    rows = [row("one process", 1, alone, alone), *(row(way, count, figures, alone) for way, figures in ended.items())]
    print(markdown([*rows, *({**dict.fromkeys(rows[0], ""), "way": f"{way}: {why}"} for way, why in without.items())]))
    same = all(off(figures, alone) <= asked.tolerance for figures in ended.values())
    return int(not same or "failed" in without.values())


def gpus() -> int:
    """How many are visible."""
    import torch

    return int(torch.cuda.device_count())


def off(figures: list[dict[str, Any]], alone: list[dict[str, Any]]) -> float:
    """How far apart the loss curves of any round are."""
    return max(apart(one["curve"], other["curve"]) for one, other in zip(alone, figures, strict=True))


def row(name: str, processes: int, figures: list[dict[str, Any]], alone: list[dict[str, Any]]) -> dict[str, str]:
    """Of the table."""
    speed, single = (statistics.median(one["speed"] for one in them) for them in (figures, alone))
    peak = max(one["peak"] for one in figures)
    return {
        "way": name, "processes": str(processes), "tokens/s": f"{speed:,.0f}", "ratio": f"{speed / single:.2f}",
        "peak GB of each": f"{peak:.1f}" if peak else "",
        "loss curves apart": "" if figures is alone else f"{100 * off(figures, alone):.2f} %",
    }  # fmt: skip


if __name__ == "__main__":
    main()
