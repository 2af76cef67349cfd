"""Bytes and operations of a training, by arithmetic."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.footprint import Training, Work, flop, memory, shape_of, storage_of
from extune.footprint.memory import STORAGE, activation_bytes, base_bytes, kept_per_token, optimiser_bytes

CONFIGS = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
LLAMA = CONFIGS["llama-3-8b"]
QWEN = CONFIGS["qwen2.5-7b"]
SMOL = CONFIGS["smollm2-135m"]
NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}


@pytest.mark.parametrize(
    ("asked", "storage"),
    [
        (NF4, "nf4 twice"),
        ({"load_in_4bit": True}, "fp4"),
        ({"load_in_8bit": True}, "int8"),
        ({"bnb_4bit_quant_type": "nf4"}, "bf16"),
        ({}, "bf16"),
    ],
)
def test_the_storage_follows_the_quantisation_that_is_asked_for(asked: dict[str, Any], storage: str) -> None:
    assert storage_of(asked) == storage


def test_a_base_in_nf4_is_what_such_bases_are_known_to_take() -> None:
    shape = shape_of(QWEN)
    assert base_bytes(shape, Training()) == pytest.approx(5.55e9, rel=0.01)  # 5.5 GB as loaded on a GPU
    assert base_bytes(shape, Training(storage="bf16")) == pytest.approx(2 * shape.parameters, rel=1e-6)


def test_the_dense_copy_takes_the_place_of_the_quantised_layers() -> None:
    shape = shape_of(QWEN)
    assert base_bytes(shape, Training(), cache=True) == 2 * shape.parameters


def test_double_quantisation_saves_and_every_storage_has_its_order() -> None:
    assert STORAGE["nf4 twice"] < STORAGE["nf4"] < STORAGE["int8"] < STORAGE["bf16"] < STORAGE["fp32"]


@pytest.mark.parametrize(("name", "size"), [("adamw_torch", 8), ("paged_adamw_8bit", 2), ("adafactor", 0), ("", 8)])
def test_the_optimisers_state_goes_by_its_name(name: str, size: int) -> None:
    assert optimiser_bytes(name) == size


def test_recomputing_all_layers_keeps_their_inputs_and_one_layer() -> None:
    shape, training = shape_of(LLAMA), Training()
    whole, none = (activation_bytes(shape, training, 1000, n) for n in (0, shape.layers))
    assert none < whole / 10
    least = shape.layers * shape.hidden * 2 * 1000 + kept_per_token(shape, training) * 1000
    assert least < none < 1.1 * least


def test_more_of_anything_takes_more_memory() -> None:
    shape = shape_of(SMOL)
    usual = sum(memory(shape, Training(), 1000).values())
    for changed in (
        memory(shape, Training(rank=64), 1000),
        memory(shape, Training(dropout=True), 1000),
        memory(shape, Training(compute=4), 1000),
        memory(shape, Training(), 2000),
        memory(shape, Training(full=True, storage="bf16"), 1000),
    ):
        assert sum(changed.values()) > usual
    assert sum(memory(shape, Training(compiled=True), 1000).values()) < usual


def test_a_full_training_holds_weights_gradients_and_state_in_float32() -> None:
    parts = memory(shape_of(SMOL), Training(full=True, storage="bf16"), 100)
    assert parts["trained"] + parts["gradients"] + parts["optimiser"] == 16 * 134_515_008
    assert parts["base"] == 0


def test_a_frozen_base_costs_four_flop_a_weight_and_token_and_recompute_half_more() -> None:
    shape, training = shape_of(QWEN), Training(targets=("q_proj",), rank=1)
    work = Work(tokens=1.0, answers=0.0, squares=0.0)
    assert flop(shape, training, work) == pytest.approx(4 * shape.matrices, rel=1e-3)
    assert flop(shape, training, work, shape.layers) == pytest.approx(6 * shape.matrices, rel=1e-3)
    assert flop(shape, Training(full=True), work) == 6 * shape.matrices


def test_a_token_of_the_7b_shape_costs_what_was_worked_out_by_hand() -> None:
    per_token = flop(shape_of(QWEN), Training(), Work(1.0, 1.0, 0.0))
    assert per_token == pytest.approx(4 * 7.07e9 + 6 * 40.4e6, rel=0.005)


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["bfloat16", "float32"])
def test_what_a_layer_keeps_is_what_autograd_saves(kind: str) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    from extune.train import attention, linear, loss
    from extune.train.batches import piece
    from extune.train.rows import Tokenised

    dtype = getattr(torch, kind)
    keys = {key: value for key, value in SMOL.items() if key != "model_type"} | {"vocab_size": 256}

    def kept(layers: int) -> int:
        model: Any = LlamaForCausalLM(LlamaConfig(**(keys | {"num_hidden_layers": layers}))).to(dtype)
        model = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))
        causal = model.get_base_model()
        for parameter in model.parameters():
            parameter.data = parameter.data.float() if parameter.requires_grad else parameter.data
        linear.fuse(model)
        attention.use(causal)
        loss.score_answers_only(causal)
        weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
        seen: dict[int, torch.Tensor] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.untyped_storage().data_ptr() not in weights and max(tensor.shape, default=0) >= 400:
                seen[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        rows = [Tokenised(str(n), [5] * 400, [-100] * 400) for n in range(2)]
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            out = model.train()(**piece(rows, True, 0))
        assert out["loss"].requires_grad
        return sum(tensor.untyped_storage().nbytes() for tensor in seen.values())

    found = (kept(3) - kept(1)) / 2 / 800
    planned = kept_per_token(shape_of(SMOL), Training(compute=dtype.itemsize, gpu=False))
    assert found == pytest.approx(planned, rel=0.05)
