"""Two stacks from config.json alone, held against transformers' own models."""

from typing import Any

import pytest

from extune.errors import ConfigError, ModelError
from extune.footprint import Training, pair_of

T5 = {
    "model_type": "t5", "vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8,
}  # fmt: skip
OPENBA = {
    "model_type": "openba", "vocab_size": 250880, "hidden_size": 4096, "kv_channels": 128, "ffn_hidden_size": 16384,
    "num_layers": 12, "num_decoder_layers": 36, "num_heads": 40, "add_qkv_bias": True, "add_ffn_bias": True,
    "add_lm_head_bias": True, "tie_word_embeddings": False,
}  # fmt: skip


def test_t5_small_has_as_many_parameters_as_were_published() -> None:
    assert sum(stack.parameters for stack in pair_of(T5)) == 60_506_624


def test_openba_has_the_15_billion_of_its_name() -> None:
    encoder, decoder = pair_of(OPENBA)
    assert (encoder.layers, decoder.layers) == (12, 36)
    assert encoder.parameters + decoder.parameters == pytest.approx(15.6e9, rel=0.01)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("T5", {}),
        ("T5", {"feed_forward_proj": "gated-gelu", "num_decoder_layers": 3}),
        ("MT5", {}),
        ("UMT5", {"num_decoder_layers": 2}),
    ],
)
def test_both_stacks_have_the_parameters_of_transformers_model(kind: str, given: dict[str, Any]) -> None:
    import torch
    import transformers

    config = getattr(transformers, f"{kind}Config")(**given)
    with torch.device("meta"):
        model = getattr(transformers, f"{kind}ForConditionalGeneration")(config)
    found = sum(stack.parameters for stack in pair_of(config.to_dict()))
    assert found == sum(parameter.numel() for parameter in model.parameters())


def test_a_decoder_has_two_attentions_that_lora_adapts() -> None:
    encoder, decoder = pair_of(T5)
    assert Training(targets=("q",)).trained(decoder) == 2 * Training(targets=("q",)).trained(encoder)
    assert [one.name for one in decoder.targets(["q"])] == ["q", "q"]


def test_what_cannot_be_counted_is_named() -> None:
    with pytest.raises(ModelError, match="an encoder-decoder of type 'bart' cannot be planned"):
        pair_of({"model_type": "bart"})
    with pytest.raises(ModelError, match=r"config\.json: no d_ff"):
        pair_of({name: value for name, value in T5.items() if name != "d_ff"})
    with pytest.raises(ConfigError, match="a t5 model has no 'q_proj'"):
        pair_of(T5)[1].targets(["q_proj"])
