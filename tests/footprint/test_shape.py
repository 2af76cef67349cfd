"""Shapes from config.json alone, held against published parameter counts and transformers' own models."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import ConfigError, ModelError
from extune.footprint import Linear, adapter_parameters, shape_of
from extune.footprint.shape import prefix_parameters

CONFIGS = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
QWEN = CONFIGS["qwen2.5-7b"]
LLAMA = CONFIGS["llama-3-8b"]
SMOL = CONFIGS["smollm2-135m"]
GLM = CONFIGS["glm-4-9b"]
CHATGLM3 = CONFIGS["chatglm3-6b"]
CHATGLM = CONFIGS["chatglm-6b"]
FALCON = CONFIGS["falcon-7b"]
BAICHUAN = CONFIGS["baichuan-7b"]
QWEN1 = CONFIGS["qwen-7b"]
GEMMA = CONFIGS["gemma-2b"]
PUBLISHED = [
    (QWEN, 7_615_616_512),
    (LLAMA, 8_030_261_248),
    (SMOL, 134_515_008),
    (GLM, 9_399_951_360),
    (GLM | {"model_type": "glm4"}, 9_400_279_040),
    (CHATGLM3, 6_243_584_000),
    (CHATGLM3 | {"padded_vocab_size": 151552, "num_layers": 40}, 9_399_951_360),
    (CHATGLM, 6_173_286_400),
    (FALCON, 6_921_720_704),
    (BAICHUAN, 7_000_559_616),
    (BAICHUAN | {"vocab_size": 125696}, 7_505_973_248),
    (QWEN1, 7_721_324_544),
    (GEMMA, 2_506_172_416),
]


@pytest.mark.parametrize(
    ("config", "parameters"), PUBLISHED, ids=lambda v: v["model_type"] if isinstance(v, dict) else ""
)
def test_a_shape_has_as_many_parameters_as_were_published(config: dict[str, Any], parameters: int) -> None:
    shape = shape_of(config)
    assert shape.parameters == parameters
    assert shape.embedding + shape.head + shape.matrices + shape.small == parameters


def test_lora_counts_both_thin_matrices_of_every_target() -> None:
    assert adapter_parameters(shape_of(QWEN), 16) == 40_370_176  # published by many a training log
    assert adapter_parameters(shape_of(SMOL), 8, ["q_proj"]) == 30 * 8 * (576 + 576)
    assert adapter_parameters(shape_of(SMOL), 8, r".*\.(q|v)_proj") == 30 * 8 * (576 + 576 + 576 + 192)
    assert adapter_parameters(shape_of(CHATGLM3), 4, ("query_key_value",)) == 28 * 4 * (4096 + 4608)


def test_all_linear_and_the_full_list_of_names_are_the_same_adapter() -> None:
    shape = shape_of(LLAMA)
    names = [one.name for one in shape.linears]
    assert adapter_parameters(shape, 16, names) == adapter_parameters(shape, 16, "all-linear")


def test_an_unknown_target_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no 'query_key_value'.*q_proj, k_proj"):
        adapter_parameters(shape_of(QWEN), 16, ["query_key_value"])


def test_a_prefix_without_a_network_is_keys_and_values_of_every_layer() -> None:
    assert prefix_parameters(shape_of(SMOL), 16) == 16 * 30 * 2 * 192
    assert prefix_parameters(shape_of(SMOL), 16, 192) == 16 * 192 + 193 * 192 + 193 * 30 * 2 * 192


@pytest.mark.parametrize("key", ["hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size"])
def test_a_key_that_is_missing_is_named(key: str) -> None:
    with pytest.raises(ModelError, match=f"config.json: no {key}"):
        shape_of({name: value for name, value in LLAMA.items() if name != key})


@pytest.mark.parametrize("key", ["num_experts", "is_encoder_decoder", "state_size"])
def test_a_kind_that_cannot_be_counted_is_refused_and_not_counted_wrong(key: str) -> None:
    with pytest.raises(ModelError, match=key):
        shape_of(LLAMA | {key: 8})


def test_an_unknown_family_with_llamas_keys_is_counted_and_marked() -> None:
    shape = shape_of(LLAMA | {"model_type": "newcomer"})
    assert (shape.parameters, shape.known, shape.family) == (8_030_261_248, False, "newcomer")


def test_the_configuration_of_the_text_inside_a_larger_one_is_taken() -> None:
    assert shape_of({"model_type": "outer", "text_config": LLAMA}).parameters == 8_030_261_248


def test_a_linear_layer_counts_its_matrix_without_the_bias() -> None:
    assert Linear("q_proj", 4, 6, bias=True).weights == 24


@pytest.mark.integration
@pytest.mark.parametrize(
    "config",
    [
        QWEN, LLAMA, SMOL, GLM, GLM | {"model_type": "glm4"}, FALCON, GEMMA,
        FALCON | {"new_decoder_architecture": True, "num_kv_heads": 8, "hidden_size": 512, "num_attention_heads": 8},
        FALCON | {"multi_query": False, "parallel_attn": False, "hidden_size": 512, "num_attention_heads": 8, "bias": True},
        SMOL | {"model_type": "qwen3", "head_dim": 128}, SMOL | {"model_type": "phi3"},
        SMOL | {"model_type": "mistral", "attention_bias": True}, SMOL | {"model_type": "smollm3", "pad_token_id": 0},
        SMOL | {"attention_bias": True, "mlp_bias": True}, SMOL | {"model_type": "gemma2", "head_dim": 256},
        SMOL | {"model_type": "gemma3_text", "head_dim": 256},
        {"model_type": "codegen", "vocab_size": 51200, "n_embd": 1024, "n_layer": 2, "n_head": 16, "n_positions": 2048},
    ],
    ids=lambda config: config["model_type"],
)  # fmt: skip
def test_a_shape_counts_what_transformers_builds(config: dict[str, Any]) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    keys = {key: value for key, value in config.items() if key != "model_type"}
    small = keys | ({"num_hidden_layers": 2} if "num_hidden_layers" in keys else {})
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(config["model_type"], **small))
    shape = shape_of({**model.config.to_dict(), "model_type": config["model_type"]})
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    linear = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and n != "lm_head"}
    assert {name.rpartition(".")[2] for name in linear} == {one.name for one in shape.linears}
    assert len(linear) == shape.layers * len(shape.linears)
