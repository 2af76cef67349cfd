"""An adapter goes into the base it was trained on, each weight in its place, or is refused in one line."""

from pathlib import Path
from typing import Any

import pytest

from extune.errors import ModelError
from extune.families import FAMILIES

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

BITS: dict[str, dict[str, Any]] = {"none": {}, "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}


def base(folder: Path, bits: str = "none") -> Any:
    from extune.model import Base

    return Base(str(folder), BITS[bits], dtype="float32")


def attached(where: Any, method: str = "lora", adapter: Path | None = None, **lora: Any) -> Any:
    """A base with an adapter, whose weights are drawn."""
    import torch

    from extune.methods import attach
    from extune.model import load_base

    given = {"r": 4, "target_modules": "all-linear", **lora}
    prefix = {"num_virtual_tokens": 5}
    model = attach(load_base(where), method, FAMILIES["llama"], lora=given, prefix=prefix, adapter=adapter)
    if adapter is None:
        torch.manual_seed(0)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data.normal_(0, 0.1)
    return model


NARROW = {"hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
OTHER: dict[str, tuple[str, dict[str, Any], str]] = {
    "lora, narrower": ("lora", NARROW, "size mismatch for .*lora_A"),
    "lora, deeper": ("lora", {"num_hidden_layers": 3}, "it is of a model with 3 layers, this base has 2"),
    "lora, shallower": ("lora", {"num_hidden_layers": 1}, "it is of a model with 1 layer, this base has 2"),
    "prefix, narrower": ("prefix", NARROW, "size mismatch"),
    "prefix, deeper": ("prefix", {"num_hidden_layers": 3}, "it is of a model with 3 layers, this base has 2"),
    "prefix, shallower": ("prefix", {"num_hidden_layers": 1}, "it is of a model with 1 layer, this base has 2"),
}


@pytest.mark.parametrize("bits", ["none", "nf4"])
@pytest.mark.parametrize("case", OTHER)
def test_an_adapter_of_another_base_is_neither_trained_on_nor_served(
    tiny_base: Path, tmp_path: Path, case: str, bits: str
) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    from extune.methods import save
    from extune.model import load_for_answers

    method, changed, told = OTHER[case]
    config = LlamaConfig.from_pretrained(tiny_base)
    config.update(changed)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "other")
    own = base(tmp_path / "other", bits)
    save(attached(own, method, target_modules=["q_proj", "o_proj"]), method, own, "other", tmp_path / "adapter")
    with pytest.raises(ModelError, match=f"the adapter does not fit the base: {told}.* Take the base it was trained"):
        load_for_answers(base(tiny_base, bits), tmp_path / "adapter")
    if method == "lora":
        with pytest.raises(ModelError, match=told):
            attached(base(tiny_base, bits), adapter=tmp_path / "adapter")


def test_weights_that_an_adapter_lacks_or_has_too_many_of_are_counted(tiny_base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from extune.methods import save

    where, folder = base(tiny_base), tmp_path / "adapter"
    save(attached(where, modules_to_save=["lm_head"]), "lora", where, "tiny", folder)
    whole = load_file(folder / "adapter_model.safetensors")
    query = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"

    def holding(weights: dict[str, Any], told: str) -> None:
        save_file(weights, folder / "adapter_model.safetensors")
        with pytest.raises(ModelError, match=f"does not fit the base: {told}"):
            attached(where, adapter=folder)

    holding({key: whole[key] for key in whole if key != query}, "1 weights lacking for the base, .*1.self_attn.q_proj")
    holding(
        {**whole, query.replace("q_proj", "x_proj"): whole[query].clone()},
        "1 weights without a place in the base, .*x_pr",
    )
    holding({key: whole[key] for key in whole if "lm_head" not in key}, "it lacks 'base_model.model.lm_head")


def test_an_adapter_for_all_modules_of_a_shallower_base_is_trained_on_only_if_it_was_made_here(
    tiny_base: Path, tmp_path: Path
) -> None:
    from extune.methods import save

    where, folder = base(tiny_base), tmp_path / "adapter"
    first = ["model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.o_proj"]  # as PEFT writes all-linear
    save(attached(where, target_modules=first), "lora", where, "tiny", folder)
    with pytest.raises(ModelError, match=r"it is of a model with 1 layer, this base has 2"):
        attached(where, adapter=folder)
    (folder / "extractor.json").write_text("{}")
    assert attached(where, adapter=folder)


LORAS: dict[str, dict[str, Any]] = {
    "some layers": {"layers_to_transform": [0], "target_modules": ["q_proj"]},
    "embeddings": {"target_modules": ["embed_tokens", "q_proj"]},
    "whole modules": {"modules_to_save": ["lm_head"]},
    "dora": {"use_dora": True},
    "rank-stabilised": {"use_rslora": True},
    "tokens": {"trainable_token_indices": [3, 4]},
}


@pytest.mark.parametrize("case", LORAS)
def test_adapters_of_every_sort_fit_their_own_base(tiny_base: Path, tmp_path: Path, case: str) -> None:
    import torch

    from extune.methods import save

    where = base(tiny_base)
    model = attached(where, **LORAS[case])
    save(model, "lora", where, "tiny", tmp_path / "out")
    again = attached(where, adapter=tmp_path / "out")
    learned, found = ({n: p for n, p in m.named_parameters() if p.requires_grad} for m in (model, again))
    assert learned.keys() == found.keys()
    assert all(torch.equal(learned[name], found[name]) for name in learned)
