"""Which family a base is of, and how it is spoken to."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import ConfigError, ModelError
from extune.families import FAMILIES, OWN, choose
from extune.templates import templates

# config.json as published, the parts that tell families apart.
PUBLISHED = {
    "meta-llama/Llama-2-7b-chat-hf": ({"model_type": "llama", "vocab_size": 32000}, "llama2"),
    "meta-llama/Meta-Llama-3-8B": ({"model_type": "llama", "vocab_size": 128256}, "llama3"),
    "huggyllama/llama-7b": ({"model_type": "llama", "vocab_size": 32000}, "llama"),
    "zjunlp/OneKE": ({"model_type": "llama", "vocab_size": 55296}, "oneke"),
    "zjunlp/knowlm-13b-base-v1.0": ({"model_type": "llama", "vocab_size": 32000}, "zhixi"),
    "lmsys/vicuna-7b-v1.5": ({"model_type": "llama", "vocab_size": 32000}, "vicuna"),
    "models/alpaca-7b": ({"model_type": "llama", "vocab_size": 32001}, "alpaca"),
    "HuggingFaceTB/SmolLM2-135M": ({"model_type": "llama", "vocab_size": 49152}, "smollm"),
    "HuggingFaceTB/SmolLM3-3B": ({"model_type": "smollm3"}, "smollm3"),
    "mistralai/Mistral-7B-v0.1": ({"model_type": "mistral"}, "mistral"),
    "THUDM/chatglm-6b": ({"model_type": "chatglm", "position_encoding_2d": True}, "chatglm"),
    "THUDM/chatglm2-6b": ({"model_type": "chatglm", "multi_query_attention": True}, "chatglm2"),
    "THUDM/chatglm3-6b": ({"model_type": "chatglm", "multi_query_attention": True}, "chatglm3"),
    "THUDM/glm-4-9b-chat": ({"model_type": "chatglm", "padded_vocab_size": 151552}, "glm4-remote"),
    "THUDM/glm-4-9b-chat-hf": ({"model_type": "glm"}, "glm4"),
    "THUDM/GLM-4-9B-0414": ({"model_type": "glm4"}, "glm4"),
    "baichuan-inc/Baichuan-7B": ({"model_type": "baichuan", "vocab_size": 64000}, "baichuan"),
    "baichuan-inc/Baichuan2-7B-Base": ({"model_type": "baichuan", "vocab_size": 125696}, "baichuan2"),
    "Qwen/Qwen-7B": ({"model_type": "qwen"}, "qwen"),
    "Qwen/Qwen2.5-7B-Instruct": ({"model_type": "qwen2"}, "qwen2"),
    "Qwen/Qwen3-8B": ({"model_type": "qwen3"}, "qwen2"),
    "tiiuae/falcon-7b": ({"model_type": "falcon"}, "falcon"),
    "fnlp/moss-moon-003-sft": ({"model_type": "moss"}, "moss"),
    "OpenBA/OpenBA-LM": ({"model_type": "openba"}, "openba"),
    "google/gemma-3-270m": ({"model_type": "gemma3_text"}, "gemma"),
    "google/mt5-small": ({"model_type": "mt5"}, "t5"),
    "bigscience/bloom-560m": ({"model_type": "bloom"}, "other"),
}


def base(folder: Path, config: dict[str, Any], chat_template: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": chat_template}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_base_is_known_by_its_configuration(tmp_path: Path, name: str) -> None:
    config, wanted = PUBLISHED[name]
    assert choose(base(tmp_path, config), name).family.name == wanted


def test_every_family_is_among_the_published_bases_and_has_a_template() -> None:
    assert set(FAMILIES) == {family for _, family in PUBLISHED.values()} - {"other"}
    assert all(family.template in templates() for family in FAMILIES.values())
    assert {name for name, family in FAMILIES.items() if family.seq2seq} == {"openba", "t5"}


def test_the_tokenizers_own_template_comes_first(tmp_path: Path) -> None:
    config = {"model_type": "llama"}
    assert choose(base(tmp_path, config, "{{ messages }}"), "m").template == OWN
    assert choose(base(tmp_path, config), "m").template == "alpaca"
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert choose(tmp_path, "m").template == OWN
    assert choose(tmp_path, "m", "auto", "ziya").template == "ziya"
    assert choose(tmp_path, "m", "oneke").family.name == "oneke"


def test_a_chatglm_whose_version_nothing_tells_is_asked_about(tmp_path: Path) -> None:
    folder = base(tmp_path, {"model_type": "chatglm"})
    with pytest.raises(ModelError, match=r"Set model.family to chatglm2 or chatglm3"):
        choose(folder, "my-model")
    assert choose(folder, "my-model", "chatglm3").template == "chatglm3"


@pytest.mark.parametrize(
    ("family", "template", "message"),
    [
        ("lama", "auto", "no family 'lama'.*'llama"),
        ("auto", "alpacca", "'alpaca'"),
        ("auto", OWN, "brings no template"),
    ],
)
def test_unknown_names_are_refused(tmp_path: Path, family: str, template: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose(base(tmp_path, {"model_type": "llama"}), "m", family, template)


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config.json: cannot be read"):
        choose(tmp_path, "m")


# A layer of each remote family as its published code names it (modeling_*.py of the models in PUBLISHED).
REMOTE_LAYERS = {
    "chatglm": ("attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    "chatglm2": ("self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    "chatglm3": ("self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    "glm4-remote": ("self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    "baichuan": ("self_attn.W_pack", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"),
    "baichuan2": ("self_attn.W_pack", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"),
    "qwen": ("attn.c_attn", "attn.c_proj", "mlp.w1", "mlp.w2", "mlp.c_proj"),
    "moss": ("attn.qkv_proj", "attn.out_proj", "mlp.fc_in", "mlp.fc_out"),
    "openba": (
        "self_attention.qkv",
        "self_attention.o",
        "inter_attention.q",
        "inter_attention.kv",
        "mlp.fc_in",
        "mlp.fc_out",
    ),
}


def test_every_remote_family_has_its_layers_here() -> None:
    assert set(REMOTE_LAYERS) == {name for name, family in FAMILIES.items() if not family.native}


@pytest.mark.integration
@pytest.mark.parametrize("name", REMOTE_LAYERS)
def test_lora_lands_on_every_layer_of_a_remote_family_and_nowhere_else(name: str) -> None:
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    from extune.methods import targets

    model = torch.nn.Module()
    for path in (*(f"layers.0.{layer}" for layer in REMOTE_LAYERS[name]), "output_layer", "embed_tokens"):
        *folders, last = path.split(".")
        here = model
        for folder in folders:
            here.add_module(folder, getattr(here, folder, torch.nn.Module()))
            here = getattr(here, folder)
        here.add_module(last, torch.nn.Linear(4, 4))
    chosen = targets(model, FAMILIES[name], "family")
    inject_adapter_in_model(LoraConfig(target_modules=chosen), model)
    hit = {path.removesuffix(".lora_A.default") for path, _ in model.named_modules() if path.endswith("lora_A.default")}
    assert hit == {f"layers.0.{layer}" for layer in REMOTE_LAYERS[name]}
