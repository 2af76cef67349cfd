"""Whether rows can lie end to end in a model, by its configuration alone."""

from collections.abc import Mapping
from typing import Any

APART = ("falcon", "codegen", "moss", "chatglm", "baichuan", "qwen")
"""Families whose own attention transformers cannot replace; their rows are padded."""


def packable(config: Mapping[str, Any], window: int) -> bool:
    """Whether each row of up to `window` tokens attends, causally, to all of itself and with nothing else added."""
    sliding = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    kinds = set(config.get("layer_types") or ["full_attention"])
    return (
        config.get("model_type") not in APART
        and not config.get("is_encoder_decoder")
        and (sliding is None or sliding >= window)
        and kinds <= {"full_attention", "sliding_attention"}
        and not config.get("block_types")  # some are recurrent
        and not any(config.get(name) for name in ("attn_logit_softcapping", "alibi"))
    )
