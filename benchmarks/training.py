"""The tables of docs/benchmarks.md on training, again: those that this machine can make, each by its command.

    python benchmarks/training.py [--list] [--only NAME ...] [--times 3] [--data FILE] [--python PYTHON]

Tables of one or two GPUs are skipped, and said to be, where there are none; those of a CPU hide the GPUs. Peers that
are not installed are named in their rows. Random bases are made here; the demo's rows and base come from `make demo`,
and --data are rows of yours that share their instruction (data/sft/train.jsonl of a project). Exit 1 if a table failed.
"""

import argparse
import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = "data/sft/train.jsonl"


@dataclass(frozen=True)
class Table:
    """What it shows, how many GPUs it is of, the files it needs, and the command of a sibling that prints it."""

    title: str
    gpus: int
    command: str
    needs: tuple[str, ...] = ()


TABLES = {
    "7b": Table(
        "Qwen2.5-7B shape, random weights", 1,
        "train.py --shape qwen2.5-7b --times {times}{python} --steps 60 --modes unsloth unsloth:batch=24 trl "
        "trl-packed-liger extune:batch=48,steps=24 extune:batch=48,steps=24,cache=false "
        "extune:batch=16,steps=40,cache=false extune:steps=160 extune:cache=false,recompute=all",
    ),
    "7b-shared": Table(
        "Qwen2.5-7B shape, rows that share their instruction", 1,
        "train.py --shape qwen2.5-7b --base models/base --data {data} --times {times} --batch 48 --steps 20 "
        "--modes trl extune:prefixes=true,graphs=false extune:prefixes=false,graphs=false",
        ("{data}", "models/base"),
    ),
    "135m": Table(
        "SmolLM2-135M shape, random weights", 1,
        "train.py --shape smollm2-135m --times {times} --steps 160 --modes trl extune trl:batch=16 extune:batch=16",
    ),
    "two-gpus": Table(
        "Two GPUs against one process", 2,
        "processes.py --shape 1b --bits 4 --batch 32 --steps 14 --longest 1024 --times {times} "
        "--ways ddp zero2 fsdp2 zero3",
    ),
    "plan-gpu": Table("Plan against real, one GPU", 1, "plan.py --shapes 135m 1b 7b"),
    "plan-shared": Table(
        "Plan against real, rows that share their instruction", 1, "plan.py --shapes 7b --data {data}", ("{data}",),
    ),
    "plan-cpu": Table("Plan against real, CPU", 0, "plan.py --shapes demo t5", (DEMO, "models/base")),
    "cpu": Table(
        "The embedded base and the demo's rows, CPU", 0,
        f"train.py --base models/base --data {DEMO} --times {{times}} --steps 10 --batch 8 "
        "--modes extune extune:prefixes=false trl",
        (DEMO, "models/base"),
    ),
    "kills": Table("Kills", 0, "kills.py --times 200", ("models/base",)),
}  # fmt: skip


def machine() -> str:
    """What a figure is worth nothing without: processor, GPUs, versions."""
    import torch

    gpus = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ("torch", "transformers", "peft", "bitsandbytes", "trl", "liger-kernel", "deepspeed")
    packages = ", ".join(f"{name} {found}" for name in names if (found := installed(name)))
    return f"{' and '.join(gpus) or 'No GPU'}, {cores} cores ({processor()}), {packages}"


def processor() -> str:
    """Its name, where the system tells it."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def installed(package: str) -> str:
    """Its version, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def gpus() -> list[str]:
    """Those that may be used, by the names CUDA_VISIBLE_DEVICES knows."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]


def command(table: Table, asked: argparse.Namespace) -> str:
    """As a person would type it."""
    python = f" --python {shlex.quote(asked.python)}" if asked.python else ""
    return f"python benchmarks/{table.command.format(times=asked.times, data=shlex.quote(asked.data), python=python)}"


def lacking(table: Table, asked: argparse.Namespace, found: int) -> str:
    """Why this machine cannot make a table, or nothing."""
    if table.gpus > found:
        return f"GPUs wanted: {table.gpus}, found: {found}"
    paths = [need.format(data=asked.data) for need in table.needs]
    missing = [path for path in paths if not Path(path).exists()]
    return f"{', '.join(missing)} missing: `make demo` makes the demo's" if missing else ""


def printed(name: str, asked: argparse.Namespace, names: list[str]) -> int:
    """Make and print one table; the exit code of its command."""
    table = TABLES[name]
    print(f"\n### {table.title} ({name})\n\n`{command(table, asked)}`\n", flush=True)
    if why := lacking(table, asked, len(names)):
        print(f"Skipped: {why}.", flush=True)
        return 0
    script, *words = shlex.split(command(table, asked))[1:]
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ",".join(names[: table.gpus])}
    ended = subprocess.run([sys.executable, "-W", "ignore", HERE / Path(script).name, *words], env=env)
    return ended.returncode


def parser() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="the tables and their commands")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="NAME", help="such as 7b 'plan-*'")
    parser.add_argument("--times", type=int, default=3, help="rounds, of which the median is taken")
    parser.add_argument("--data", default=DEMO, help="rows for the tables of shared instructions")
    parser.add_argument("--python", default="", help="the interpreter that has unsloth")
    return parser


def main() -> None:
    """Print the tables."""
    asked = parser().parse_args()
    chosen = [name for name in TABLES if any(fnmatch(name, words) for words in asked.only)]
    if not chosen:
        sys.exit(f"training.py: no table is named so; there are {', '.join(TABLES)}")
    if asked.list:
        print("\n".join(f"{name:12} {command(TABLES[name], asked)}" for name in chosen))
        return
    print(machine())
    names = gpus()
    codes = [printed(name, asked, names) for name in chosen]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
