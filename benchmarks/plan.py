"""The plan of short trainings beside what then happened: seconds and peak memory on this machine.

    python benchmarks/plan.py [--only NAME ...] [--cpu-seconds]

Run in the project after `dvc repro build`; each training is a process of its own. --cpu-seconds is for a machine that
others use: rates and trainings are then measured in processor time, with one thread (set OMP_NUM_THREADS=1).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from extune.config import load
from extune.files import read_jsonl
from extune.plan import Device, compare, compared_text, device_of, plan
from extune.plan.model import read_config

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {
    "rows 4, r 16": ["train.sft.max_steps=8"],
    "rows 1, r 64": ["train.sft.max_steps=8", "train.sft.per_device_train_batch_size=1", "train.lora.r=64"],
    "rows 16, r 4": ["train.sft.max_steps=3", "train.sft.per_device_train_batch_size=16", "train.lora.r=4"],
}


def real(overrides: list[str], cpu_seconds: bool) -> dict[str, Any]:
    """Train in this process: the run's metrics, its peak memory in bytes, and the device's rates around it."""
    if cpu_seconds:
        time.monotonic = time.perf_counter = time.process_time
    config, folder = load(ROOT / "params.yaml", None, overrides), ROOT / "models" / "base"
    keys, _ = read_config(config.model, ROOT)
    sizes = (keys["hidden_size"], keys["intermediate_size"])
    before = device_of("cpu", None, sizes)
    metrics = _trained(config, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    after = device_of("cpu", None, sizes)
    device = replace(before, flops=(before.flops + after.flops) / 2, bandwidth=(before.bandwidth + after.bandwidth) / 2)
    return {"metrics": {**metrics, "peak_memory": peak}, "device": {n: getattr(device, n) for n in Device.__slots__}}


def _trained(config: Any, folder: Path) -> dict[str, float]:
    from extune.model import Base
    from extune.train.run import Method, train

    with tempfile.TemporaryDirectory() as scratch:
        trained = train(
            list(read_jsonl(ROOT / "data/sft/train.jsonl")), Base(str(folder), config.model.quantization),
            base_name="benchmark", sft=config.train.sft, method=Method(lora=config.train.lora), seed=config.seed,
            max_dropped=0.01, out=Path(scratch) / "adapter", scratch=Path(scratch) / "scratch",
        )  # fmt: skip
    metrics: dict[str, float] = trained.metrics
    return metrics


def apart(*words: str) -> Any:
    """What a process of this file prints as its last line."""
    command = [sys.executable, "-W", "ignore", __file__, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-800:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print a table for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--cpu-seconds", action="store_true")
    parser.add_argument("--real", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.real:
        print(json.dumps(real(json.loads(given.real), given.cpu_seconds)))
        return
    for name in given.only:
        flags = ["--cpu-seconds"] if given.cpu_seconds else []
        found = apart("--real", json.dumps(SETTINGS[name]), *flags)
        planned = plan(load(ROOT / "params.yaml", None, SETTINGS[name]), ROOT, Device(**found["device"]))
        print(f"\n{name}: {planned.choice.why}\n{compared_text(compare(planned, found['metrics']))}", flush=True)


if __name__ == "__main__":
    main()
