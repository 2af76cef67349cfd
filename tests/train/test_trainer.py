"""However a step is made, it is the same step: the same losses, the same weights."""

import logging
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from extune.errors import DataError, ModelError

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
LORA = {"r": 4, "lora_alpha": 16, "target_modules": "all-linear"}
# Plain descent moves weights in proportion to gradients: Adam would make as much of one that rounding decides.
SFT = {
    "optim": "sgd", "learning_rate": 0.05, "per_device_train_batch_size": 4, "max_length": 400, "logging_steps": 1,
    "max_grad_norm": 1e9,  # else a gradient twice as long as it should be would go unseen
}  # fmt: skip
PLAIN: dict[str, Any] = {
    "packed": False, "cache": False, "fused": False, "recompute": 0, "compile": False, "graphs": False, "tokens": 4000,
    "prefixes": False,
}  # fmt: skip
ROWS = [
    {
        "id": f"r{n}",
        "prompt": [{"role": "user", "content": f"Who founded what? Ann{n} founded Bolt{n}{', he said' * (n % 4)}."}],
        "completion": [{"role": "assistant", "content": f"(Ann{n}, founded, Bolt{n}){' and more' * (2 * (n % 3))}"}],
    }
    for n in range(12)
]

Go = Callable[..., Any]


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Train as `speed` says, in float32 unless told otherwise; the losses, the adapter's weights, and what was told."""
    import torch
    from safetensors.torch import load_file

    from extune.model import Base
    from extune.train import run

    def call(base: Path, speed: dict[str, Any], steps: int = 3, kind: Any = None, lora: Any = None, **sft: Any) -> Any:
        monkeypatch.setattr(run, "compute_dtype", lambda: kind or torch.float32)
        told: list[Any] = []
        done = run.train(
            ROWS, Base(str(base), sft.pop("quantization", NF4)), base_name="tiny", method=run.Method(lora=lora or LORA),
            sft={**SFT, "max_steps": steps, **sft}, seed=1, max_dropped=0.0, out=tmp_path / "adapter",
            scratch=tmp_path / "s", speed=PLAIN | speed, on_log=lambda step, row: told.append((step, row)),
        )  # fmt: skip
        weights = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
        return [row["loss"] for row in done.curve], weights, told, done.metrics

    return call


WAYS: dict[str, dict[str, Any]] = {
    "packed": {"packed": True},
    "cache": {"cache": True},
    "fused": {"fused": True},
    "recompute": {"recompute": "all"},
    "small pieces": {"tokens": 70},
    "packed, small pieces": {"packed": True, "tokens": 130},
    "packed, half recomputed": {"packed": True, "fused": True, "recompute": 1},
    "prefixes": {"packed": True, "prefixes": True},
    "prefixes, small pieces, recomputed": {"packed": True, "prefixes": True, "tokens": 130, "recompute": "all"},
    "all": {"packed": True, "cache": True, "fused": True, "prefixes": True},
}


def same(found: Any, wanted: Any, losses: float, weights: float) -> None:
    """`weights`: of the largest."""
    import torch

    assert len(found[0]) == len(wanted[0])
    assert found[0] == pytest.approx(wanted[0], rel=losses)
    assert found[1].keys() == wanted[1].keys()
    for name, value in wanted[1].items():
        torch.testing.assert_close(found[1][name], value, rtol=0, atol=weights * float(value.abs().max()), msg=name)
    assert found[3]["tokens"] == wanted[3]["tokens"]


def test_every_way_of_making_a_step_learns_the_same(tiny_base: Path, go: Go) -> None:
    """In float32: losses within 1e-5, weights within 1e-4 of the largest."""
    wanted = go(tiny_base, {}, steps=5)
    assert wanted[0][-1] < wanted[0][0] - 0.02
    for speed in WAYS.values():
        same(go(tiny_base, speed, steps=5), wanted, 1e-5, 1e-4)


@pytest.mark.parametrize(("kind", "losses", "ways"), [
    ("float32", 1e-4, [WAYS["all"], {"packed": True, "tokens": 70, "recompute": "all"}]),
    ("bfloat16", 0.02, [WAYS["all"]]),
])  # fmt: skip
def test_every_way_learns_the_same_on_a_real_model(
    embedded_base: Path, go: Go, kind: str, losses: float, ways: list[Any]
) -> None:
    """SmolLM2-135M. In float32 losses within 1e-4 and weights within 1e-3 of the largest; in bfloat16 losses within 2 %:
    it rounds the plain way's by 0.5 %, the fast way's by 1.2 % (rows as like as these are rounded to the same side).
    """
    import torch

    given = {"kind": getattr(torch, kind), "per_device_train_batch_size": 2, "max_grad_norm": 1.0}
    wanted = go(embedded_base, {}, **given)
    assert wanted[0][-1] < wanted[0][0] - 0.1
    for speed in ways:
        found = go(embedded_base, speed, **given)
        if kind == "float32":
            same(found, wanted, losses, 1e-3)
        assert found[0] == pytest.approx(wanted[0], rel=losses)


def test_a_step_is_the_rows_of_a_batch_times_the_batches_gathered(tiny_base: Path, go: Go) -> None:
    wanted = go(tiny_base, WAYS["all"])
    gathered = go(tiny_base, WAYS["all"], per_device_train_batch_size=2, gradient_accumulation_steps=2)
    assert gathered[0] == wanted[0]
    assert wanted[3]["steps"] == 3, "of 12 rows, four at a time"


def test_the_learning_rate_falls_once_a_step_however_many_pieces_it_has(tiny_base: Path, go: Go) -> None:
    for speed in ({}, {"tokens": 1}):
        told = go(tiny_base, speed, steps=5, lr_scheduler_type="linear")[2]
        rates = [row["learning_rate"] for _, row in told if "learning_rate" in row]
        falls = [round((a - b) / 0.05, 9) for a, b in pairwise(rates)]
        assert falls == [0.2] * 4


def test_only_real_tokens_are_counted(tiny_base: Path, go: Go) -> None:
    from extune.model import Base, load_encoder
    from extune.train.rows import tokenise

    lengths = [len(row.input_ids) for row in tokenise(ROWS, load_encoder(Base(str(tiny_base), {})))]
    assert go(tiny_base, {})[3]["tokens"] == sum(lengths)
    assert go(tiny_base, {"packed": True, "tokens": 100}, steps=6)[3]["tokens"] == 2 * sum(lengths)


# What goes wrong.


def full_at(patch: pytest.MonkeyPatch, limit: int) -> None:
    """A device whose memory does not hold the backward pass of the last piece, if any piece has more tokens."""
    import torch

    from extune.train import trainer

    real, sizes = trainer.Trainer._backward, []
    cut = trainer.piece

    def cutting(rows: Any, *given: Any) -> Any:
        sizes.append(sum(len(row.input_ids) for row in rows))
        return cut(rows, *given)

    def backward(self: Any, part: Any, last: bool) -> None:
        real(self, part, last)
        if last and max(sizes) > limit:
            sizes.clear()
            raise torch.OutOfMemoryError("the GPU is full")
        if last:
            sizes.clear()

    patch.setattr(trainer, "piece", cutting)
    patch.setattr(trainer.Trainer, "_backward", backward)


def test_out_of_memory_makes_the_step_again_in_pieces_of_half_the_size(
    tiny_base: Path, go: Go, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for speed in ({}, WAYS["all"]):
        wanted = go(tiny_base, speed)
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
            full_at(patch, 200)
            found = go(tiny_base, speed | {"tokens": 600})
        same(found, wanted, 1e-5, 1e-4)
        said = [record.message for record in caplog.records if "out of memory" in record.message]
        sizes = [int(re.findall(r"pieces of (\d+) tokens", line)[0]) for line in said]
        assert sizes == sorted(sizes, reverse=True)
        assert 100 <= sizes[-1] < 200
        caplog.clear()


def test_a_row_that_memory_does_not_hold_ends_the_training_with_the_remedy(
    tiny_base: Path, go: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_at(monkeypatch, 30)
    with pytest.raises(ModelError, match=r"memory does not hold a piece of \d+ tokens.*train.speed.recompute to all"):
        go(tiny_base, {})


def test_a_loss_that_is_not_finite_names_the_step_and_its_rows(
    tiny_base: Path, go: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    from extune.train.trainer import Trainer

    real, seen = Trainer._step, []

    def stepping(self: Any, model: Any, rows: Any, scale: Any) -> Any:
        seen.append([row.id for row in rows])
        return real(self, model, rows, scale * (float("inf") if self.state.global_step == 1 else 1))

    monkeypatch.setattr(Trainer, "_step", stepping)
    with pytest.raises(DataError, match=r"the loss is inf at step 2, rows ") as caught:
        go(tiny_base, {"tokens": 90})
    assert f"rows {', '.join(seen[-1])}" in str(caught.value)
    assert "train.sft.learning_rate" in str(caught.value)


def test_a_step_without_a_single_answer_learns_nothing_and_is_no_error(tiny_base: Path, go: Go) -> None:
    import torch

    from extune.train import trainer
    from extune.train.rows import MASKED, Tokenised

    real = trainer.Trainer._step

    def stepping(self: Any, model: Any, rows: Any, scale: Any) -> Any:
        return real(self, model, [Tokenised(r.id, r.input_ids, [MASKED] * len(r.labels)) for r in rows], scale)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "_step", stepping)
        losses, weights, _, _ = go(tiny_base, WAYS["all"], steps=2)
    assert losses == [0, 0]
    assert all(torch.count_nonzero(value) == 0 for name, value in weights.items() if "lora_B" in name)


def test_the_adapter_is_trained_in_float32_whatever_the_model_computes_in(tiny_base: Path, go: Go) -> None:
    import torch

    for kind in (torch.bfloat16, torch.float32):
        assert {value.dtype for value in go(tiny_base, WAYS["all"], steps=1, kind=kind)[1].values()} == {torch.float32}


# On a GPU, in bfloat16.


@pytest.fixture
def on_gpu(tiny_base: Path, go: Go) -> Go:
    """The losses of five steps in bfloat16."""
    import torch

    return lambda **speed: go(tiny_base, speed, steps=5, kind=torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"packed": True}, {"packed": False}),
        ({"packed": True, "fused": True, "compile": True}, {"packed": True, "fused": True}),
        ({"packed": True, "tokens": 130}, {"packed": True}),
        ({"packed": True, "prefixes": True}, {"packed": True}),
        ({"packed": True, "cache": True, "fused": True, "compile": True, "graphs": True}, {}),
    ],
    ids=str,
)
def test_on_a_gpu_every_way_learns_the_same(on_gpu: Go, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Losses within 2 %: bfloat16 has 8 bits."""
    wanted = on_gpu(**other)
    assert wanted[0][-1] < wanted[0][0]
    assert on_gpu(**one)[0] == pytest.approx(wanted[0], rel=0.02)


@pytest.mark.gpu
@pytest.mark.parametrize("tokens", [4000, 130])
def test_on_a_gpu_a_graph_does_what_it_has_recorded(on_gpu: Go, tokens: int) -> None:
    """Losses within 0.5 %: the same kernels, over rows filled up."""
    speed = {"packed": True, "cache": True, "fused": True, "tokens": tokens}
    wanted, found = on_gpu(**speed), on_gpu(**speed, graphs=True)
    assert found[0] == pytest.approx(wanted[0], rel=0.005)
    assert found[3]["tokens"] == wanted[3]["tokens"]


@pytest.mark.gpu
def test_on_a_gpu_a_dense_copy_of_4_bits_learns_the_same(on_gpu: Go) -> None:
    """Losses within 0.2 %: the same numbers, summed in another order at most."""
    speed = {"packed": True, "fused": True}
    assert on_gpu(**speed, cache=True)[0] == pytest.approx(on_gpu(**speed)[0], rel=0.002)
