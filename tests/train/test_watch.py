"""Live figures: tokens that were really trained on, timed over the steps alone, and how much of the GPU that takes."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from extune.train import watch
from extune.train.rows import Tokenised
from extune.train.watch import Watch, flop_per_token

ARGS = SimpleNamespace(world_size=2)
MASKED = watch.MASKED
TINY = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 256,
    "num_attention_heads": 4, "num_key_value_heads": 2,
}  # fmt: skip


def model(config: dict[str, Any], **more: Any) -> Any:
    return SimpleNamespace(config=SimpleNamespace(to_dict=lambda: config), **more)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that goes when told to."""
    hands = SimpleNamespace(now=100.0)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: hands.now))
    return hands


def test_speed_is_of_the_steps_since_the_last_log_and_not_of_what_lies_between(clock: SimpleNamespace) -> None:
    sent: list[Any] = []
    counted = SimpleNamespace(tokens=5000)
    seen = Watch(lambda step, row: sent.append((step, row)), lambda: counted.tokens, work=1.0)
    state = SimpleNamespace(max_steps=4, global_step=0, log_history=[], is_world_process_zero=True)
    seen.on_train_begin(ARGS, state, None)
    seen.able = 400.0
    for tokens in (300, 100, 200, 200):
        clock.now += 50  # a look at the model
        seen.on_step_begin(ARGS, state, None)
        counted.tokens += tokens
        clock.now += 2
        state.global_step += 1
        seen.on_step_end(ARGS, state, None)
        if state.global_step % 2 == 0:
            seen.on_log(ARGS, state, None, {"loss": 1.0, "step": state.global_step})
    seen.on_log(ARGS, state, None, {"train_loss": 1.0})
    seen.on_train_end(ARGS, state, None)
    speed = {"tokens_per_second": 100.0, "utilisation": 12.5}
    assert sent == [(2, {"loss": 1.0} | speed), (4, {"loss": 1.0} | speed), (4, {"train_loss": 1.0})]


def test_what_was_logged_before_an_interruption_is_handed_on_as_it_was() -> None:
    sent: list[Any] = []
    history = [{"loss": 2.0, "step": 1, "epoch": 0.5}, {"dev.f1": 0.5, "step": 2, "note": "x"}]
    state = SimpleNamespace(max_steps=4, global_step=2, log_history=history, is_world_process_zero=False)
    Watch(lambda step, row: sent.append((step, row))).on_train_begin(ARGS, state, None)
    assert sent == [(1, {"loss": 2.0, "epoch": 0.5}), (2, {"dev.f1": 0.5})]


def test_without_a_gpu_nothing_is_said_of_its_use(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    sent: list[Any] = []
    seen = Watch(lambda step, row: sent.append(row), lambda: 1, work=1.0)
    state = SimpleNamespace(max_steps=1, global_step=0, log_history=[], is_world_process_zero=False)
    seen.on_train_begin(ARGS, state, None)
    seen.on_step_begin(ARGS, state, None)
    clock.now += 1
    seen.on_step_end(ARGS, state, None)
    seen.on_log(ARGS, state, None, {"loss": 1.0})
    assert sent == [{"loss": 1.0, "tokens_per_second": 0.0}]


def test_a_tokens_work_is_four_operations_a_frozen_weight_and_more_for_adapter_answers_and_length() -> None:
    matrices = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128)
    short, long = (Tokenised("r", [1] * n, [MASKED] * (n - 4) + [1] * 4) for n in (8, 80))
    lora = SimpleNamespace(r=4)
    bare = flop_per_token(model(TINY, active_peft_config=SimpleNamespace()), [short])
    head = 4 * 256 * 64 * 4 / 8
    attention = 7 * 2 * 64 * 8
    assert bare == 4 * matrices + head + attention
    assert bare < flop_per_token(model(TINY, active_peft_config=lora), [short]) < 1.5 * bare
    assert flop_per_token(model(TINY, active_peft_config=lora), [long], recompute=2) > 6 * matrices
    assert flop_per_token(model(TINY), [short]) > 6 * matrices, "all of it is trained"


def test_the_work_of_an_unknown_shape_is_not_guessed() -> None:
    row = Tokenised("r", [1, 2], [MASKED, 2])
    assert flop_per_token(model({"model_type": "mamba", "state_size": 16}), [row]) == 0


@pytest.mark.gpu
def test_the_rate_of_a_gpu_is_measured_without_touching_its_random_numbers() -> None:
    before = torch.cuda.get_rng_state()
    assert 1e12 < watch.matmul_rate() < 1e16
    assert torch.equal(torch.cuda.get_rng_state(), before)
