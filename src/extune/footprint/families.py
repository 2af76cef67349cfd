"""config.json -> Shape, one function for each way of writing a decoder.

Counts are held against transformers' own models in tests/footprint, and against the published ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ModelError
from .shape import Linear, Shape

Keys = Mapping[str, Any]


def shape_of(config: Keys) -> Shape:
    """The shape a config.json describes. Raises ModelError naming a key it lacks, or a kind that is not counted."""
    keys = config if "text_config" not in config else {**config, **config["text_config"]}
    for key, what in REFUSED.items():
        if keys.get(key):
            raise ModelError(f"{what} ({key}) cannot be planned", where="config.json", remedy=NO_PLAN)
    kind = str(keys.get("model_type", ""))
    if kind == "chatglm" and "inner_hidden_size" in keys:
        return _chatglm_first(keys)
    if kind in OTHERS:
        return OTHERS[kind](keys)
    return _llama(keys, STYLES[kind]) if kind in STYLES else replace(_llama(keys, Style()), family=kind, known=False)


NO_PLAN = "`extune train` may still run it"
REFUSED = {
    "is_encoder_decoder": "an encoder-decoder",
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), "a mixture of experts"),
    **dict.fromkeys(("state_size", "mamba_d_state", "linear_num_value_heads"), "a state space model"),
}


@dataclass(frozen=True, slots=True)
class Style:
    """What tells llama's relatives apart; None leaves a bias to the configuration's `attention_bias`."""

    qkv_bias: bool | None = None
    out_bias: bool | None = None
    norms: int = 2
    head_norms: bool = False
    qkv: str = ""
    gate_up: str = ""
    tied: bool = False
    head_dim: int | None = None


STYLES = {
    "llama": Style(),
    "mistral": Style(qkv_bias=False, out_bias=False),
    "smollm3": Style(tied=True),
    "qwen2": Style(qkv_bias=True, out_bias=False),
    "qwen3": Style(head_norms=True, head_dim=128),
    "gemma": Style(tied=True, head_dim=256),
    "gemma2": Style(norms=4, tied=True, head_dim=256),
    "gemma3_text": Style(norms=4, head_norms=True, tied=True, head_dim=256),
    "gemma3": Style(norms=4, head_norms=True, tied=True, head_dim=256),
    "glm": Style(out_bias=False, gate_up="gate_up_proj"),
    "glm4": Style(out_bias=False, norms=4, gate_up="gate_up_proj"),
    "phi3": Style(qkv_bias=False, out_bias=False, qkv="qkv_proj", gate_up="gate_up_proj"),
    "baichuan": Style(qkv_bias=False, out_bias=False, qkv="W_pack"),
}


def number(keys: Keys, *names: str, default: int | None = None) -> int:
    """The first of several spellings of a key. Raises ModelError."""
    for name in names:
        if isinstance(keys.get(name), int) and not isinstance(keys[name], bool):
            return int(keys[name])
    if default is None:
        raise ModelError(f"no {' or '.join(names)}", where="config.json", remedy=NO_PLAN)
    return default


def _llama(keys: Keys, style: Style) -> Shape:
    hidden, wide = number(keys, "hidden_size"), number(keys, "intermediate_size")
    heads = number(keys, "num_attention_heads")
    kv_heads = number(keys, "num_key_value_heads", default=heads)
    width = number(keys, "head_dim", default=style.head_dim or hidden // heads)
    asked = bool(keys.get("attention_bias", False))
    in_bias = asked if style.qkv_bias is None else style.qkv_bias
    out_bias = asked if style.out_bias is None else style.out_bias
    inward, shared = heads * width, kv_heads * width
    qkv = (
        [Linear(style.qkv, hidden, inward + 2 * shared, in_bias)]
        if style.qkv
        else [Linear(f"{n}_proj", hidden, w, in_bias) for n, w in (("q", inward), ("k", shared), ("v", shared))]
    )
    up = (
        [Linear(style.gate_up, hidden, 2 * wide)]
        if style.gate_up
        else [Linear(f"{name}_proj", hidden, wide, bool(keys.get("mlp_bias"))) for name in ("gate", "up")]
    )
    down = Linear("down_proj", wide, hidden, bool(keys.get("mlp_bias")))
    return Shape(
        family=str(keys.get("model_type", "")),
        layers=number(keys, "num_hidden_layers"),
        hidden=hidden,
        wide=wide,
        vocab=number(keys, "vocab_size"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=width,
        linears=(*qkv, Linear("o_proj", inward, hidden, out_bias), *up, down),
        norms=style.norms * hidden + (2 * width if style.head_norms else 0),
        last_norm=hidden,
        tied=bool(keys.get("tie_word_embeddings", style.tied)),
        window=number(keys, "max_position_embeddings", default=0),
    )


def _glm(keys: Keys) -> Shape:
    """ChatGLM2, ChatGLM3 and GLM-4 in their own code."""
    hidden, wide = number(keys, "hidden_size"), number(keys, "ffn_hidden_size")
    heads, width = number(keys, "num_attention_heads"), number(keys, "kv_channels")
    kv_heads = number(keys, "multi_query_group_num") if keys.get("multi_query_attention") else heads
    bias = bool(keys.get("add_bias_linear"))
    return Shape(
        family="chatglm",
        layers=number(keys, "num_layers", "num_hidden_layers"),
        hidden=hidden,
        wide=wide,
        vocab=number(keys, "padded_vocab_size", "vocab_size"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=width,
        linears=(
            Linear("query_key_value", hidden, (heads + 2 * kv_heads) * width, bias or bool(keys.get("add_qkv_bias"))),
            Linear("dense", heads * width, hidden, bias),
            Linear("dense_h_to_4h", hidden, 2 * wide, bias),
            Linear("dense_4h_to_h", wide, hidden, bias),
        ),
        norms=2 * hidden,
        last_norm=hidden,
        tied=bool(keys.get("tie_word_embeddings", False)),
        window=number(keys, "seq_length", default=0),
    )


def _fused(
    keys: Keys, family: str, names: tuple[str, ...], *, hidden: int, wide: int, heads: int, kv_heads: int,
    biases: tuple[bool, ...], **rest: Any,
) -> Shape:  # fmt: skip
    """A decoder with one matrix for query, key and value, and an MLP without a gate."""
    width = hidden // heads
    sizes = ((hidden, (heads + 2 * kv_heads) * width), (heads * width, hidden), (hidden, wide), (wide, hidden))
    linears = tuple(Linear(n, *size, bias) for n, size, bias in zip(names, sizes, biases, strict=True))
    return Shape(
        family=family, hidden=hidden, wide=wide, vocab=number(keys, "vocab_size"), heads=heads, kv_heads=kv_heads,
        head_dim=width, linears=linears, last_norm=2 * hidden, gated=False, **rest,
    )  # fmt: skip


GLM_NAMES = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")


def _chatglm_first(keys: Keys) -> Shape:
    """ChatGLM-6B."""
    hidden, heads = number(keys, "hidden_size"), number(keys, "num_attention_heads")
    return _fused(
        keys, "chatglm", GLM_NAMES, hidden=hidden, wide=number(keys, "inner_hidden_size"), heads=heads,
        kv_heads=heads, biases=(True,) * 4, layers=number(keys, "num_layers"), norms=4 * hidden,
        tied=True, window=number(keys, "max_sequence_length", default=0),
    )  # fmt: skip


def _falcon(keys: Keys) -> Shape:
    hidden, heads = number(keys, "hidden_size"), number(keys, "num_attention_heads", "n_head")
    new = bool(keys.get("new_decoder_architecture"))
    shared = number(keys, "num_kv_heads", "n_head_kv", default=heads) if new else 1
    kv_heads = shared if new or keys.get("multi_query", True) else heads
    bias = bool(keys.get("bias"))
    two_norms = (new and number(keys, "num_ln_in_parallel_attn", default=2) == 2) or not (
        new or keys.get("parallel_attn", True)
    )
    return _fused(
        keys, "falcon", GLM_NAMES, hidden=hidden, wide=number(keys, "ffn_hidden_size", default=4 * hidden),
        heads=heads, kv_heads=kv_heads, biases=(bias,) * 4, layers=number(keys, "num_hidden_layers", "n_layer"),
        norms=(4 if two_norms else 2) * hidden, tied=bool(keys.get("tie_word_embeddings", True)),
        window=number(keys, "max_position_embeddings", default=0),
    )  # fmt: skip


def _moss(keys: Keys) -> Shape:
    """MOSS and CodeGen."""
    hidden, heads = number(keys, "n_embd"), number(keys, "n_head")
    return _fused(
        keys, str(keys["model_type"]), ("qkv_proj", "out_proj", "fc_in", "fc_out"), hidden=hidden,
        wide=number(keys, "n_inner", default=4 * hidden), heads=heads, kv_heads=heads,
        biases=(False, False, True, True), layers=number(keys, "n_layer"), norms=2 * hidden, head_bias=True,
        tied=bool(keys.get("tie_word_embeddings", False)), window=number(keys, "n_positions", "n_ctx", default=0),
    )  # fmt: skip


def _qwen_first(keys: Keys) -> Shape:
    """Qwen 1 in its own code: `intermediate_size` is that of both halves of the MLP."""
    hidden, heads = number(keys, "hidden_size"), number(keys, "num_attention_heads")
    half = number(keys, "intermediate_size") // 2
    inward = number(keys, "kv_channels", default=hidden // heads) * heads
    return Shape(
        family="qwen", layers=number(keys, "num_hidden_layers"), hidden=hidden, wide=half,
        vocab=number(keys, "vocab_size"), heads=heads, kv_heads=heads, head_dim=inward // heads,
        linears=(
            Linear("c_attn", hidden, 3 * inward, True), Linear("c_proj", inward, hidden),
            Linear("w1", hidden, half), Linear("w2", hidden, half), Linear("c_proj", half, hidden),
        ),
        norms=2 * hidden, last_norm=hidden, tied=bool(keys.get("tie_word_embeddings", False)),
        window=number(keys, "seq_length", "max_position_embeddings", default=0),
    )  # fmt: skip


OTHERS: dict[str, Callable[[Keys], Shape]] = {
    "chatglm": _glm,
    "falcon": _falcon,
    "moss": _moss,
    "codegen": _moss,
    "qwen": _qwen_first,
}
