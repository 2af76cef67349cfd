"""The plan of trainings beside what then happened: seconds and peak memory on this machine.

    python benchmarks/plan.py [--shapes demo t5 135m 1b 7b] [--data FILE] [--only WORDS] [--cpu-seconds]

`demo` is this project after `dvc repro build`; the others are random models over bytes of that shape, on rows of very
different lengths or those of --data, and nothing has to be fetched. Each training is a process of its own.
--cpu-seconds is for a machine that others use: rates and trainings are then measured in processor time, with one
thread (OMP_NUM_THREADS=1).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import processes
from measure import markdown

from extune.cli import MEMORY
from extune.config import load
from extune.files import read_jsonl, write_jsonl
from extune.footprint import stacks_of
from extune.plan import Compared, Device, Plan, compare, device_of, plan
from extune.plan.model import read_config

ROOT = Path(__file__).resolve().parents[1]
ROWS, LEAST = "train.sft.per_device_train_batch_size", ["train.speed.recompute=all", "train.speed.cache=false"]
FULL, PLAIN = "train.method=full", "model.quantization=null"
SETTINGS: dict[str, dict[str, list[str]]] = {
    "demo": {
        "4 rows": ["train.sft.max_steps=60"],
        "1 row, LoRA of rank 64": ["train.sft.max_steps=100", f"{ROWS}=1", "train.lora.r=64"],
        "16 rows, LoRA of rank 4": ["train.sft.max_steps=20", f"{ROWS}=16", "train.lora.r=4"],
    },
    "t5": {
        "4 rows": ["train.sft.max_steps=40"],
        "16 rows": ["train.sft.max_steps=10", f"{ROWS}=16"],
    },
    "135m": {
        "8 rows, graphs": ["train.sft.max_steps=200", f"{ROWS}=8"],
        "32 rows, graphs": ["train.sft.max_steps=120", f"{ROWS}=32"],
        "8 rows, no graphs": ["train.sft.max_steps=80", f"{ROWS}=8", "train.speed.graphs=false"],
        "8 rows, all weights, graphs": ["train.sft.max_steps=80", f"{ROWS}=8", FULL, PLAIN],
        "8 rows, all weights": ["train.sft.max_steps=60", f"{ROWS}=8", FULL, PLAIN, "train.speed.graphs=false"],
    },
    "1b": {
        "16 rows": ["train.sft.max_steps=80", f"{ROWS}=16"],
        "4 rows, graphs": ["train.sft.max_steps=120", f"{ROWS}=4"],
        "16 rows, LoRA of rank 64 in 16 bit": ["train.sft.max_steps=60", f"{ROWS}=16", PLAIN, "train.lora.r=64"],
        "8 rows, all weights, graphs": ["train.sft.max_steps=40", f"{ROWS}=8", FULL, PLAIN],
        "16 rows, least memory": ["train.sft.max_steps=40", f"{ROWS}=16", *LEAST],
    },
    "7b": {
        "16 rows": ["train.sft.max_steps=40", f"{ROWS}=16"],
        "32 rows": ["train.sft.max_steps=20", f"{ROWS}=32"],
        "8 rows, no dense copy": ["train.sft.max_steps=40", f"{ROWS}=8", "train.speed.cache=false"],
        "8 rows, least memory": ["train.sft.max_steps=30", f"{ROWS}=8", *LEAST],
    },
}
"""By shape, and by name: what is set, over params.yaml."""

COLUMNS = ("run", "s, plan", "s, real", "s, off", "GB, plan", "GB, real", "GB, off", "GB, held")
"""Of the table; `held` is what PyTorch took of the GPU, used or not."""

LONGEST = 1024
"""Tokens of a row of a random base, at most."""


def project(shape: str, folder: Path, data: str = "") -> Path:
    """The folder with `data/sft/train.jsonl`; a random base is written to BASE in it."""
    if shape == "demo":
        return ROOT
    base = str(folder / "base")
    program = f"import processes as p; from pathlib import Path; p.write_base(Path({base!r}), {shape!r})"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
    (folder / "data" / "sft").mkdir(parents=True)
    rows = list(read_jsonl(Path(data))) if data else processes.rows(2500, LONGEST)
    write_jsonl(folder / "data" / "sft" / "train.jsonl", rows)
    return folder


def settings(root: Path, given: Sequence[str]) -> Any:
    """The configuration of a training there."""
    own = [] if root == ROOT else [f"model.base={root / 'base'}", f"train.sft.max_length={LONGEST}"]
    return load(ROOT / "params.yaml", None, [*own, *given])


def real(root: Path, overrides: list[str], cpu_seconds: bool) -> dict[str, Any]:
    """Train in this process: the run's metrics, and the device's rates around it."""
    if cpu_seconds:
        time.monotonic = time.perf_counter = time.process_time
    config = settings(root, overrides)
    keys, folder = read_config(config.model, root)
    shape = stacks_of(keys)[-1]
    sizes = (shape.hidden, shape.wide)
    before = device_of("auto", None, sizes)
    metrics = _trained(config, root, folder or root / "models" / "base")
    after = device_of("auto", None, sizes)
    device = replace(before, flops=(before.flops + after.flops) / 2, bandwidth=(before.bandwidth + after.bandwidth) / 2)
    rates = {name: getattr(device, name) for name in Device.__slots__}
    return {"metrics": metrics, "device": rates, "held": _held()}


def _held() -> float:
    """GB that PyTorch took of the GPU at most, used or not."""
    import torch

    return torch.cuda.max_memory_reserved() / 1e9 if torch.cuda.is_available() else 0.0


def _trained(config: Any, root: Path, folder: Path) -> Mapping[str, float]:
    from extune.model import Base
    from extune.train.run import Method, train

    with tempfile.TemporaryDirectory() as scratch:
        trained = train(
            list(read_jsonl(root / "data/sft/train.jsonl")), Base(str(folder), config.model.quantization),
            base_name="benchmark", sft=config.train.sft, method=Method(config.train.method, lora=config.train.lora),
            speed=config.train.speed.model_dump(), seed=config.seed, max_dropped=0.5,
            out=Path(scratch) / "adapter", scratch=Path(scratch) / "scratch",
        )  # fmt: skip
    return trained.metrics


def apart(*words: str) -> Any:
    """What a process of this file prints as its last line."""
    command = [sys.executable, "-W", "ignore", __file__, *words]
    env = {**MEMORY, **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def row(name: str, planned: Plan, found: Mapping[str, Any]) -> dict[str, str]:
    """Of the table."""
    both = {each.name: each for each in compare(planned, found["metrics"])}
    seconds, memory = both["seconds"], both["peak_memory"]
    figures = [
        f"{seconds.planned:.1f}", f"{seconds.real:.1f}", share(seconds),
        f"{memory.planned / 1e9:.2f}", f"{memory.real / 1e9:.2f}", share(memory),
        f"{found['held']:.1f}" if found["held"] else "",
    ]  # fmt: skip
    return dict(zip(COLUMNS, [name, *figures], strict=True))


def share(figure: Compared) -> str:
    """How far a plan is off, marked where that is more than it may be."""
    return f"{100 * figure.off:+.0f} %{'' if figure.held else ' !'}"


def measured(shape: str, data: str, only: str, flags: list[str]) -> list[dict[str, str]]:
    """A row for each setting of a shape, trained in turn."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        root = project(shape, Path(scratch), data)
        for name, given in SETTINGS[shape].items():
            if only not in name:
                continue
            try:
                found = apart("--real", json.dumps([str(root), given]), *flags)
            except RuntimeError as exc:
                print(f"{shape}, {name}: {exc}", file=sys.stderr, flush=True)
                rows.append({**dict.fromkeys(COLUMNS, ""), "run": f"{shape}, {name}: failed"})
                continue
            rows.append(row(f"{shape}, {name}", plan(settings(root, given), root, Device(**found["device"])), found))
            print(*rows[-1].values(), file=sys.stderr, flush=True)
    return rows


def parser() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SETTINGS, default=["demo"])
    parser.add_argument("--data", default="", help="rows for a random base")
    parser.add_argument("--only", default="", help="settings with this in their name")
    parser.add_argument("--cpu-seconds", action="store_true")
    parser.add_argument("--real", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Print the table; exit 1 if a training failed."""
    given = parser().parse_args()
    if given.real:
        root, overrides = json.loads(given.real)
        print(json.dumps(real(Path(root), overrides, given.cpu_seconds)))
        return
    flags = ["--cpu-seconds"] if given.cpu_seconds else []
    rows = [row for shape in given.shapes for row in measured(shape, given.data, given.only, flags)]
    if not rows:
        sys.exit(f"plan.py: no setting has {given.only!r} in its name")
    print(markdown(rows))
    sys.exit(any("failed" in row["run"] for row in rows))


if __name__ == "__main__":
    main()
