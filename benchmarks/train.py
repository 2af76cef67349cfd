"""Tokens per second of training against its peers, in the same run, each in a process of its own, median of several.

    python benchmarks/train.py --shape qwen2.5-7b --modes extune trl trl-packed unsloth   # one GPU, random weights
    python benchmarks/train.py --base models/base --data data/sft/train.jsonl --modes extune trl   # a real model
    python benchmarks/train.py --shape qwen2.5-7b --base models/base --data ...   # random weights, that tokenizer

Real tokens are counted, padding is not; the first steps are left out. A mode may have settings of its own, such as
`extune:batch=48,tokens=16384` (batch, steps and train.speed). `trl` is plain TRL as people write it: padded, bfloat16;
`-packed`, `-liger`, `-ckpt` (all layers recomputed) change that, and `unsloth` is its padding-free default. QLoRA
everywhere: NF4, double quantisation, rank 16 on all linear layers, no dropout. Without --data, rows are random.
Unsloth wants other versions of transformers and TRL than this project: --python names the interpreter that has it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from measure import markdown
from workload import SHAPES

from extune.cli import MEMORY

NAMES = {
    "trl": "TRL, padded", "trl-ckpt": "TRL, padded, all layers recomputed", "trl-packed": "TRL, packed",
    "trl-packed-liger": "TRL, packed, Liger", "unsloth": "unsloth, padding-free",
    "unsloth-ckpt": "unsloth, its checkpointing",
}  # fmt: skip
NEEDS = {"unsloth": "unsloth", "liger": "liger_kernel"}
"""Packages of peers, which this project does not install."""
CONTENDERS = Path(__file__).with_name("contenders.py")
Found = dict[str, Any]
"""What one process found: tokens_per_second, peak_gb, and why it trained as it did."""


@dataclass(frozen=True)
class Mode:
    """One row of the table: who trains, with how many rows a step and how many steps, and what is forced on it."""

    name: str
    batch: int
    steps: int
    forced: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """As docs/benchmarks.md says it."""
        said = ", ".join(f"{key}: {value}" for key, value in self.forced)
        return f"{NAMES.get(self.name, self.name)}{f', `{said}`' if said else ''}"


def mode(text: str, asked: argparse.Namespace) -> Mode:
    """`extune:batch=48,cache=false` with what is asked of all modes."""
    name, _, changes = text.partition(":")
    own = dict(part.split("=") for part in changes.split(",") if part)
    batch, steps = (int(own.pop(key, getattr(asked, key))) for key in ("batch", "steps"))
    return Mode(name, batch, steps, tuple(own.items()))


def python(way: Mode, asked: argparse.Namespace) -> str:
    """The interpreter that runs a mode."""
    return str(asked.python if way.name.startswith("unsloth") else sys.executable)


def lacking(name: str, python: str) -> str:
    """The package that a mode needs and that is not installed, or nothing."""
    needed = next((package for part, package in NEEDS.items() if part in name), "")
    look = f"import sys, importlib.util as u; sys.exit(u.find_spec({needed!r}) is None)"
    return needed if needed and subprocess.run([python, "-c", look]).returncode else ""


def timed(way: Mode, asked: argparse.Namespace) -> Found | None:
    """What the process of one mode found; None, with its last words on stderr, if it failed."""
    speed = {key: yaml.safe_load(value) for key, value in way.forced}
    said = {"base": asked.base, "data": asked.data, "rows": asked.rows, "batch": way.batch, "steps": way.steps,
            "speed": speed, "mode": way.name}  # fmt: skip
    env = {**os.environ, **(MEMORY if way.name == "extune" else {}), "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(
        [python(way, asked), str(CONTENDERS), json.dumps(said)], capture_output=True, text=True, env=env
    )
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{"tokens_per_second"')]
    print(way.title, *(lines[-1:] or [ended.stderr[-1500:]]), file=sys.stderr, flush=True)
    return json.loads(lines[-1]) if lines else None


def row(way: Mode, found: Sequence[Found], peers: Mapping[Mode, float], without: str) -> dict[str, str]:
    """Of the table; the ratio is to the first peer with as many rows a step, else to the first one."""
    many = f"{way.batch} of 1,024 tokens" if "packed" in way.name else str(way.batch)
    gone = f"not installed: {without}" if without else "failed"
    if not found:
        return {"mode": way.title, "rows a step": many, "tokens/s": gone, "rounds": "", "peak GB": "", "ratio": ""}
    rates = [one["tokens_per_second"] for one in found]
    rate, peak = statistics.median(rates), max(one["peak_gb"] for one in found)
    to = min(peers, key=lambda peer: peer.batch != way.batch, default=None)
    return {
        "mode": way.title, "rows a step": many, "tokens/s": f"{rate:,.0f}",
        "rounds": ", ".join(f"{one:,.0f}" for one in rates) if len(rates) > 1 else "",
        "peak GB": f"{peak:.1f}" if peak else "",
        "ratio": "" if to is None else "1" if to == way else f"{rate / peers[to]:.2f} of {to.name}",
    }  # fmt: skip


def table(asked: argparse.Namespace) -> int:
    """Each mode in turn, several rounds; print a row each, and what extune chose. 1 if one failed."""
    ways = [mode(text, asked) for text in asked.modes]
    without = {way: lacking(way.name, python(way, asked)) for way in ways}
    found: dict[Mode, list[Found]] = {way: [] for way in ways}
    for _ in range(asked.times):
        for way in ways:
            if not without[way] and (one := timed(way, asked)):
                found[way].append(one)
    rates = {way: statistics.median(one["tokens_per_second"] for one in them) for way, them in found.items() if them}
    peers = {way: rate for way, rate in rates.items() if way.name != "extune"}
    print(markdown([row(way, found[way], peers, without[way]) for way in ways]))
    for way in ways:
        if found[way] and (why := found[way][-1]["why"]):
            print(f"\n{way.title}, {way.batch} rows a step: {why}.")
    return int(any(len(found[way]) < asked.times and not without[way] for way in ways))


def parser() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--base", default="")
    parser.add_argument("--data", default="")
    parser.add_argument("--modes", nargs="+", default=["extune", "trl"])
    parser.add_argument("--rows", type=int, default=960)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has unsloth")
    return parser


def main() -> None:
    """Print the table."""
    asked = parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.shape:
            base = asked.base and str(Path(asked.base).resolve())
            program = f"import workload as w, pathlib; w.make({asked.shape!r}, pathlib.Path({folder!r}), {base!r})"
            # In a process of its own, so that this one takes no memory of a GPU.
            subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
            asked.base = folder
        sys.exit(table(asked))


if __name__ == "__main__":
    main()
