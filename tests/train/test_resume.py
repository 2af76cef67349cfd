"""A training that is interrupted anywhere ends as the unbroken one does, to the byte."""

import contextlib
import json
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from extune.errors import DataError, EnvironmentProblem

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

PROJECT = Path(__file__).parents[2]
NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
LORA = {"r": 4, "target_modules": "all-linear", "lora_dropout": 0.1}
SFT = {
    "num_train_epochs": 3, "per_device_train_batch_size": 2, "max_length": 200, "logging_steps": 4, "warmup_steps": 2,
    "train_sampling_strategy": "group_by_length",
}  # fmt: skip
ROWS = [
    {
        "id": f"r{n}",
        "prompt": [{"role": "user", "content": f"Extract: Ann{n} founded Bolt{n}."}],
        "completion": [{"role": "assistant", "content": f"(Ann{n}, founded, Bolt{n}{'!' * n})"}],
    }
    for n in range(9)
]
STEPS = 15

Go = Callable[..., Any]


@pytest.fixture
def go(tiny_base: Path, tmp_path: Path) -> Go:
    """Train on the tiny base, with a checkpoint after every step in the folder named, and say what came out."""
    from extune.model import Base
    from extune.stages.training import VARYING
    from extune.train.interrupt import gate
    from extune.train.resume import Keeping
    from extune.train.run import Method, train

    def call(name: str, kept: str | None = "kept", every: int = 1, **changes: Any) -> Any:
        folder = tmp_path / "checkpoints" / kept if kept else None
        given = {
            "sft": SFT,
            "method": Method(lora=LORA),
            "seed": 1,
            "max_dropped": 0.0,
            "on_log": lambda step, values: None,
            **changes,
        }
        with gate() as signals:
            done = train(
                ROWS, Base(str(tiny_base), NF4), base_name="tiny", out=tmp_path / name, scratch=tmp_path / "s",
                keeping=Keeping(folder, every, 2, signals), **given,
            )  # fmt: skip
        weights = (tmp_path / name / "adapter_model.safetensors").read_bytes()
        return weights, done.curve, {k: v for k, v in done.metrics.items() if k not in VARYING}

    return call


@contextlib.contextmanager
def stopped_after(step: int, number: int = signal.SIGTERM) -> Iterator[None]:
    """A signal in the middle of the step behind this one."""
    from extune.train.trainer import Trainer

    real = Trainer._step

    def stepping(self: Any, *given: Any) -> Any:
        done = real(self, *given)
        if self.state.global_step == step:
            os.kill(os.getpid(), number)
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", stepping)
        yield


@pytest.mark.parametrize(
    ("number", "name", "speed"),
    [(signal.SIGTERM, "SIGTERM", {}), (signal.SIGINT, "SIGINT", {}), (signal.SIGTERM, "SIGTERM", {"prefixes": True})],
)
def test_a_signal_drops_the_step_that_was_begun_and_keeps_all_before(
    go: Go, tmp_path: Path, number: int, name: str, speed: dict[str, Any]
) -> None:
    from extune.train.interrupt import Interrupted

    go = partial(go, speed=speed)
    whole = go("whole", None)
    for step in (2, 5, 9):
        expected = f"stopped by {name} after step {step}; the same command goes on after step {step}"
        with stopped_after(step, number), pytest.raises(Interrupted, match=expected) as caught:
            go("broken", every=100)
        assert caught.value.number == number
        assert not (tmp_path / "broken").exists()
    assert go("broken", every=100) == whole
    assert go("broken", every=100) == whole, "trained already: the adapter is written again and no step is taken"


def test_signals_at_random_moments_change_nothing(go: Go) -> None:
    from extune.train.interrupt import Interrupted

    whole, rng, stops = go("whole", None), random.Random(3), 0
    for _ in range(12):
        timer = threading.Timer(rng.uniform(0.05, 1.0), os.kill, (os.getpid(), signal.SIGTERM))
        before = signal.signal(signal.SIGTERM, lambda *_: None)  # one that comes before or after the training
        timer.start()
        try:
            assert go("broken") == whole
        except Interrupted:
            stops += 1
        finally:
            timer.join()
            signal.signal(signal.SIGTERM, before)
    assert go("broken") == whole
    assert stops > 0


def test_a_damaged_newest_checkpoint_costs_its_steps_only(
    go: Go, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from extune.train.interrupt import Interrupted

    whole = go("whole", None)
    with stopped_after(6), pytest.raises(Interrupted):
        go("broken")
    newest = max((tmp_path / "checkpoints" / "kept").glob("step-*")) / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    with caplog.at_level(logging.WARNING):
        assert go("broken") == whole
    assert "step-00000006 is passed over: state.safetensors was changed" in caplog.text
    assert "going on after step 5" in caplog.text


def test_a_size_that_no_disk_takes_is_a_warning_to_who_goes_on_and_told_to_who_cannot(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from extune.train.resume import Keeping

    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        assert not Keeping(tmp_path / "file" / "ours").settle("most_tokens", 128)
    assert "most_tokens is not noted for the next life of this training (Not a directory)" in caplog.text
    assert not Keeping(None).settle("most_tokens", 128)
    assert Keeping(tmp_path / "ours").settle("most_tokens", 128)
    assert Keeping(tmp_path / "ours").settled("most_tokens", 256) == 128


def test_a_disk_that_fills_up_stops_no_training_and_leaves_no_half_of_an_adapter(
    go: Go, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = go("whole", None)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_up(step: int, values: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))

    try:
        with caplog.at_level(logging.WARNING), pytest.raises(EnvironmentProblem, match="cannot be written") as caught:
            go("broken", on_log=fill_up)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.exit_code == 3
    assert "Free space" in str(caught.value)
    assert "no checkpoint at step 4 (File too large)" in caplog.text
    assert [path.name for path in tmp_path.iterdir() if "broken" in path.name] == []
    kept = sorted(path.name for path in (tmp_path / "checkpoints" / "kept").glob("*step-*"))
    assert kept == ["step-00000002", "step-00000003"]
    assert go("broken") == whole


def test_a_gradient_that_is_not_finite_names_the_step_and_the_rows(go: Go) -> None:
    import torch

    from extune.train.trainer import Trainer

    real = Trainer._step

    def stepping(self: Any, model: Any, *given: Any) -> Any:
        done = real(self, model, *given)
        if self.state.global_step == 3:
            next(p for p in model.parameters() if p.requires_grad).grad.fill_(torch.nan)
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", stepping)
        with pytest.raises(DataError, match=r"the gradient is nan at step 4, rows r\d, r\d"):
            go("broken")


def test_twenty_kills_change_no_byte(tiny_base: Path) -> None:
    command = [sys.executable, "-W", "ignore", "benchmarks/kills.py", "--times", "20", "--base", str(tiny_base)]
    done = subprocess.run([*command, "--as-it-is", "--json"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    table = json.loads(done.stdout)
    assert table["kills"] == 20
    assert table["adapters equal"] is True
    assert table["MLflow runs to a training"] < 1.5  # a kill between making a run and noting it leaves one
    assert table["metric points twice"] == 0
