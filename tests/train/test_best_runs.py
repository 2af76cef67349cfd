"""Trainings that look at their model: the best weights are saved, an interruption costs one look, no trace stays."""

import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from extune.records import Record
from extune.train.best import Looking

NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
LORA = {"r": 4, "target_modules": "all-linear", "lora_dropout": 0.1}
SFT = {"num_train_epochs": 2, "per_device_train_batch_size": 3, "max_length": 200, "logging_steps": 2}
ROWS = [
    {
        "id": f"r{n}",
        "prompt": [{"role": "user", "content": f"Extract: Ann{n} founded Bolt{n}."}],
        "completion": [{"role": "assistant", "content": f"(Ann{n}, founded, Bolt{n})"}],
    }
    for n in range(9)
]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, dict[str, torch.Tensor]]]:
    """(score, weights) of each look. A look is a real one, its score in place of F1 a number that the weights decide."""
    from extune.train import best, run

    seen: list[tuple[float, dict[str, torch.Tensor]]] = []
    real = best.dev_f1

    def scored(model: Any, **given: Any) -> float:
        assert real(model, **given) == 0
        weights = best._copied(model)
        digest = hashlib.sha256(b"".join(t.numpy().tobytes() for t in weights.values())).digest()
        seen.append((digest[0] / 256, weights))
        return seen[-1][0]

    monkeypatch.setattr(run, "dev_f1", scored)
    return seen


@pytest.fixture
def go(tiny_base: Path, tmp_path: Path) -> Callable[..., Any]:
    """Train on the tiny base; the metrics and the adapter's tensors."""
    from safetensors.torch import load_file

    from extune.model import Base
    from extune.train.interrupt import gate
    from extune.train.resume import Keeping
    from extune.train.run import Method, train

    def call(looking: Looking | None, **changes: Any) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        given = {"sft": SFT, "method": Method(lora=LORA), "seed": 1, "max_dropped": 0.0, **changes}
        with gate() as signals:
            done = train(
                ROWS, Base(str(tiny_base), NF4), base_name="tiny", out=tmp_path / "out", scratch=tmp_path / "s",
                keeping=Keeping(tmp_path / "kept", 2, 2, signals), looking=looking, **given,
            )  # fmt: skip
        shutil.rmtree(tmp_path / "kept")
        return done.metrics, load_file(tmp_path / "out" / "adapter_model.safetensors")

    return call


def same(trained: dict[str, torch.Tensor], saved: dict[str, torch.Tensor]) -> bool:
    """Whether an adapter on disk holds these weights of a model."""
    named = {name.replace(".default.", "."): tensor for name, tensor in trained.items()}
    return named.keys() == saved.keys() and all(torch.equal(named[name], saved[name]) for name in saved)


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("speed", [{}, {"packed": False}, {"cache": False, "fused": False}, {"recompute": "all"}])
def test_looks_leave_no_trace_in_what_is_learned(
    go: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, speed: dict[str, Any], looking: Looking
) -> None:
    from extune.train import best, run

    real, count = best.dev_f1, iter(range(1, 100))
    monkeypatch.setattr(run, "dev_f1", lambda model, **given: real(model, **given) + next(count))
    looked, after = go(looking, speed=speed)
    assert looked["best_step"] == looked["steps"] == 6
    assert looked["best_f1"] == 6
    _, plain = go(None, speed=speed)
    assert all(torch.equal(plain[name], after[name]) for name in plain)


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_the_adapter_that_is_saved_is_the_one_that_scored_best(
    go: Callable[..., Any], looks: list[Any], looking: Looking
) -> None:
    metrics, saved = go(looking)
    assert len(looks) == 6
    score, weights = max(looks, key=lambda look: look[0])
    assert metrics["best_f1"] == score
    assert metrics["best_step"] < 6, "else this shows nothing: change the seed"
    assert same(weights, saved)


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_training_stops_early(go: Callable[..., Any], looks: list[Any], looking: Looking) -> None:
    metrics, _ = go(replace(looking, patience=1))
    fell = next(n for n in range(1, 6) if looks[n][0] <= max(score for score, _ in looks[:n]))
    assert len(looks) == fell + 1 < 6
    assert metrics["steps"] == fell + 2


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_signal_during_a_look_costs_that_look_only(
    go: Callable[..., Any], looks: list[Any], tmp_path: Path, number: int, looking: Looking
) -> None:
    from extune.train.interrupt import Interrupted

    whole, saved = go(looking)
    told: list[tuple[int, float]] = []
    looks.clear()

    class Stopping(tuple[Record, ...]):
        """Records that end the process softly when they are asked for the n-th time."""

        times = 0

        def __getitem__(self, key: Any) -> Any:
            self.times += 1
            if self.times == number:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().__getitem__(key)

    with pytest.raises(Interrupted):
        go(replace(looking, records=Stopping(looking.records)))
    assert len(looks) == number - 1
    again, resumed = go(looking, on_log=lambda step, row: told.extend((step, v) for k, v in row.items() if "dev" in k))
    for name in ("train_loss", "steps", "tokens", "best_step", "best_f1"):
        assert again[name] == whole[name]
    assert all(torch.equal(saved[name], resumed[name]) for name in saved)
    assert [step for step, _ in told] == [1, 2, 3, 4, 5, 6], "each look is heard of, those before the signal too"


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore")
def test_on_a_gpu_looks_leave_the_losses_as_they_are(go: Callable[..., Any], tmp_path: Path, looking: Looking) -> None:
    told: dict[str, list[float]] = {"without": [], "with": []}
    for name, looked in (("without", None), ("with", looking)):
        heard = told[name]
        go(looked, on_log=lambda step, row, heard=heard: heard.extend(v for k, v in row.items() if k == "loss"))
    assert len(told["with"]) == 3
    assert told["with"] == pytest.approx(told["without"], abs=1e-3)
