"""Kill a training with SIGKILL at random moments of its life, let it go on, and compare it with an unbroken one.

    python benchmarks/kills.py [--times 200] [--steps 24] [--base models/base]

What is killed is the whole `train` stage: settings, lock, MLflow run, training with a checkpoint after every step, and
the writing of the adapter. Processes are forked from one that has imported everything, so that most of a life is
training. The base is a random two-layer model with the tokenizer of --base, unless --as-it-is is given.
"""

import argparse
import contextlib
import gc
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import markdown

ROWS = 14
CHECKPOINTS = ".cache/checkpoints"
PARAMS = {
    "seed": 1,
    "data": {"source": "data/raw"},
    "task": {"name": "RE", "notation": "triple_lines"},
    "model": {"quantization": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}},
    "train": {
        "lora": {"r": 4, "lora_dropout": 0.1, "target_modules": "all-linear"},
        "sft": {"per_device_train_batch_size": 2, "logging_steps": 5, "max_length": 200, "warmup_steps": 2},
        "checkpoint": {"steps": 1, "keep": 2},
    },
}


def tiny(source: Path, target: Path) -> None:
    """A random two-layer llama with the tokenizer of another base."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(source)
    tokenizer.save_pretrained(target)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(shape).save_pretrained(target)


def project(root: Path, base: Path, steps: int) -> None:
    """A project that only lacks its training."""
    from extune.config import load
    from extune.stages import stage
    from extune.tracking import connect

    for folder in ("data/records", "data/sft"):
        (root / folder).mkdir(parents=True)
    (root / "MLproject").write_text("name: kills\n", encoding="utf-8")
    given = {**PARAMS, "model": {**PARAMS["model"], "base": str(base)}}
    given["train"] = {**PARAMS["train"], "sft": {**PARAMS["train"]["sft"], "max_steps": steps}}
    (root / "params.yaml").write_text(json.dumps(given), encoding="utf-8")
    schema = {"relations": ["founded"]}
    (root / "data/records/schema.yaml").write_text(json.dumps(schema), encoding="utf-8")
    rows = [
        {
            "id": f"r{n}",
            "prompt": [{"role": "user", "content": f"Extract: Ann{n} founded Bolt{n}{', she said' * (n % 3)}."}],
            "completion": [{"role": "assistant", "content": f"(Ann{n}, founded, Bolt{n})"}],
        }
        for n in range(ROWS)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    for name in ("train", "dev"):
        (root / f"data/sft/{name}.jsonl").write_text(text, encoding="utf-8")
    stage("base")(load(root / "params.yaml"), root)
    connect(root, "extune")


def life(root: Path) -> None:
    """What a process does: the stage."""
    from extune.config import load
    from extune.stages import stage

    os.chdir(root)
    stage("train")(load(root / "params.yaml"), root)


def first_life(root: Path, modules: Path) -> None:
    """A life that notes what it imported."""
    life(root)
    modules.write_text("\n".join(sys.modules), encoding="utf-8")


def warm(modules: Path) -> None:
    """Import what a life imports, so that killed lives are of training and not of importing."""
    for name in modules.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def forked(body: Callable[[], Any], log: Path) -> int:
    """The pid of a process that runs it; it exits 0 if nothing was raised."""
    if pid := os.fork():
        return pid
    with open(log, "a", encoding="utf-8") as handle:
        os.dup2(handle.fileno(), 1)
        os.dup2(handle.fileno(), 2)
        try:
            body()
        except BaseException:
            traceback.print_exc()
            handle.flush()
            os._exit(1)
    os._exit(0)


def killed(pid: int, after: float) -> int | None:
    """The exit status of a process that ended by itself in that time; None if it had to be killed."""
    until = time.monotonic() + after
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def digest(root: Path) -> str:
    """A hash over the adapter's files and the loss curve."""
    hashed = hashlib.sha256()
    for path in sorted([*(root / "models/adapter").iterdir(), root / "plots/loss.csv", root / "metrics/train.json"]):
        hashed.update(path.name.encode() + path.read_bytes())
    return hashed.hexdigest()


def newest(root: Path) -> int:
    """The step of the newest checkpoint on the disk."""
    names = [path.name for path in (root / CHECKPOINTS).glob("*/step-*")]
    return max((int(name.removeprefix("step-")) for name in names), default=0)


def trial(root: Path, log: Path, wanted: int, whole: float, rng: random.Random) -> dict[str, Any]:
    """One training, killed up to `wanted` times within the `whole` seconds of a life; what it lost, and its hash."""
    for old in ("models/adapter", "plots", "metrics"):
        shutil.rmtree(root / old, ignore_errors=True)
    (root / "models/train_run.json").unlink(missing_ok=True)
    places: list[int] = []
    began = time.monotonic()
    while True:
        allowed = rng.uniform(0, whole) if len(places) < wanted else 600.0
        status = killed(forked(lambda: life(root), log), allowed)
        if status is None:
            places.append(newest(root))
            if not (root / "models/train_run.json").is_file() or list((root / CHECKPOINTS).glob("*/token")):
                continue  # else it was killed on its way out, with nothing left to do
        if status:
            sys.exit(log.read_text(encoding="utf-8")[-3000:])
        return {"places": places, "digest": digest(root), "seconds": time.monotonic() - began}


def apart(body: Callable[[], Any], log: Path) -> None:
    """In a process of its own, so that this one never uses a thread pool or a database, which a fork would break."""
    if os.waitpid(forked(body, log), 0)[1]:
        sys.exit(log.read_text(encoding="utf-8")[-3000:])


def runs(root: Path) -> list[int]:
    """Of each run in the tracking store: how many metric points say the same twice."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as store:
        found = []
        for (run,) in store.execute("select run_uuid from runs").fetchall():
            points = store.execute("select key, step from metrics where run_uuid = ?", (run,)).fetchall()
            found.append(len(points) - len(set(points)))
        return found


def parser() -> argparse.ArgumentParser:
    """What may be asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--base", type=Path, default=Path("models/base"))
    parser.add_argument("--as-it-is", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser


def main() -> None:
    """Print the table; exit 1 if a training came out differently."""
    asked = parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(asked, Path(scratch))
    equal = result["adapters equal"]
    print(json.dumps(result) if asked.json else markdown([{**result, "adapters equal": "yes" if equal else "NO"}]))
    sys.exit(0 if equal else 1)


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """The table."""
    os.environ.update(OMP_NUM_THREADS="1", MLFLOW_DISABLE_TELEMETRY="true", TOKENIZERS_PARALLELISM="false")
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    import torch

    import extune.outbox
    import extune.stages.training
    import extune.train.run  # noqa: F401
    from extune.model import compute_dtype

    torch.set_num_threads(1)
    compute_dtype()  # measured once for all processes: on a busy machine it comes out either way
    root, log, base = work / "project", work / "log", asked.base.resolve()
    if not asked.as_it_is:
        base = work / "tiny"
        apart(lambda: tiny(asked.base, base), log)
    apart(lambda: project(root, base, asked.steps), log)
    rng = random.Random(asked.seed)
    apart(lambda: first_life(root, work / "modules"), log)
    warm(work / "modules")
    trials = [trial(root, log, 0, 0.0, rng)]
    whole = 1.1 * trials[0]["seconds"]
    while (left := asked.times - sum(len(t["places"]) for t in trials)) > 0:
        trials.append(trial(root, log, min(left, EACH), whole, rng))
        print(f"{asked.times - left + len(trials[-1]['places'])} of {asked.times}", file=sys.stderr)
    return table(trials, asked.steps, runs(root))


EACH = 10
"""Kills of one training, so that early and late ones are met often."""


def table(trials: list[dict[str, Any]], steps: int, twice: list[int]) -> dict[str, Any]:
    """Figures of the trainings, the first of which was not killed."""
    unbroken, *broken = trials
    places = [place for t in broken for place in t["places"]]
    return {
        "kills": len(places),
        "trainings": len(broken),
        "steps each": steps,
        "before the first step": sum(place == 0 for place in places),
        "between steps": sum(0 < place < steps for place in places),
        "after the last": sum(place == steps for place in places),
        "adapters equal": all(t["digest"] == unbroken["digest"] for t in trials),
        "MLflow runs to a training": round((len(twice) - 1) / len(trials), 2),
        "metric points twice": sum(twice),
        "seconds": round(sum(t["seconds"] for t in trials)),
    }


if __name__ == "__main__":
    main()
