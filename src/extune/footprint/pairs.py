"""Encoder-decoder models as two stacks: config.json -> the shape of each. The embedding and the head are the decoder's.

T5: https://arxiv.org/abs/1910.10683, with the gated MLP of https://arxiv.org/abs/2002.05202. OpenBA, which comes with
its own code: https://arxiv.org/abs/2309.10706.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ModelError
from .families import NO_PLAN, number, shape_of
from .shape import Linear, Shape

Keys = Mapping[str, Any]


def stacks_of(config: Keys) -> tuple[Shape, ...]:
    """The shapes of a model's stacks: one, or encoder and decoder. Raises ModelError as the shapes of either do."""
    return pair_of(config) if config.get("is_encoder_decoder") else (shape_of(config),)


def pair_of(config: Keys) -> tuple[Shape, Shape]:
    """The encoder's shape and the decoder's. Raises ModelError naming a key it lacks, or a kind that is not counted."""
    kind = str(config.get("model_type", ""))
    if kind not in PAIRS:
        raise ModelError(
            f"an encoder-decoder of type {kind!r} cannot be planned", where="config.json", remedy=NO_PLAN
        )  # fmt: skip
    return PAIRS[kind](config)


def _t5(keys: Keys) -> tuple[Shape, Shape]:
    hidden, wide, heads = number(keys, "d_model"), number(keys, "d_ff"), number(keys, "num_heads")
    width = number(keys, "d_kv")
    gated = str(keys.get("feed_forward_proj", "relu")).startswith("gated")
    attention = [*(Linear(name, hidden, heads * width) for name in "qkv"), Linear("o", heads * width, hidden)]
    into = [Linear(name, hidden, wide) for name in (("wi_0", "wi_1") if gated else ("wi",))]
    mlp = [*into, Linear("wo", wide, hidden)]
    places = number(keys, "relative_attention_num_buckets", default=32) * heads
    every = keys.get("model_type") == "umt5"  # each layer has its own table of distances, and not only the first

    def stack(layers: int, linears: list[Linear], norms: int, vocab: int) -> Shape:
        return Shape(
            family=str(keys["model_type"]), layers=layers, hidden=hidden, wide=wide, vocab=vocab, heads=heads,
            kv_heads=heads, head_dim=width, linears=tuple(linears), norms=norms * hidden + (places if every else 0),
            last_norm=hidden + (0 if every else places), gated=gated, tied=bool(keys.get("tie_word_embeddings", True)),
        )  # fmt: skip

    layers, vocab = number(keys, "num_layers"), number(keys, "vocab_size")
    above = number(keys, "num_decoder_layers", default=layers)
    return stack(layers, [*attention, *mlp], 2, 0), stack(above, [*attention, *attention, *mlp], 3, vocab)


def _openba(keys: Keys) -> tuple[Shape, Shape]:
    hidden, heads, width = number(keys, "hidden_size"), number(keys, "num_heads"), number(keys, "kv_channels")
    wide = -(-(2 * number(keys, "ffn_hidden_size") // 3) // ROUNDED) * ROUNDED
    inner, bias, wet = heads * width, bool(keys.get("add_qkv_bias")), bool(keys.get("add_ffn_bias"))
    out = Linear("o", inner, hidden, bias)
    own = [Linear("qkv", hidden, 3 * inner, bias), out]
    across = [Linear("q", hidden, inner, bias), Linear("kv", hidden, 2 * inner, bias), out]
    mlp = [Linear("fc_in", hidden, 2 * wide, wet), Linear("fc_out", wide, hidden, wet)]

    def stack(layers: int, linears: list[Linear], norms: int, vocab: int) -> Shape:
        return Shape(
            family="openba", layers=layers, hidden=hidden, wide=wide, vocab=vocab, heads=heads, kv_heads=heads,
            head_dim=width, linears=tuple(linears), norms=2 * norms * hidden, last_norm=2 * hidden,
            tied=bool(keys.get("tie_word_embeddings", True)), head_bias=bool(keys.get("add_lm_head_bias")),
        )  # fmt: skip

    layers, vocab = number(keys, "num_layers"), number(keys, "vocab_size")
    above = number(keys, "num_decoder_layers", default=layers)
    return stack(layers, [*own, *mlp], 2, 0), stack(above, [*own, *across, *mlp], 3, vocab)


ROUNDED = 256
"""OpenBA's MLP is as wide as a multiple of this."""

PAIRS: dict[str, Callable[[Keys], tuple[Shape, Shape]]] = {
    **dict.fromkeys(("t5", "mt5", "umt5"), _t5),
    "openba": _openba,
}
