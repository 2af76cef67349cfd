"""Encoder-decoder models: the prompts go to the encoder, the answers to the decoder, both padded."""

from collections.abc import Sequence
from types import MethodType
from typing import Any

import torch

from .rows import MASKED, Tokenised


def piece(rows: Sequence[Tokenised], pad: int) -> dict[str, torch.Tensor]:
    """What the model is given of some rows: ids and mask of the prompts, labels of the answers (rows, longest)."""
    prompts = [[i for i, label in zip(r.input_ids, r.labels, strict=True) if label == MASKED] for r in rows]
    answers = [[label for label in r.labels if label != MASKED] or [MASKED] for r in rows]
    return {
        "input_ids": _filled(prompts, pad),
        "attention_mask": _filled([[1] * len(prompt) for prompt in prompts], 0),
        "labels": _filled(answers, MASKED),
    }


def _filled(rows: Sequence[list[int]], value: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])


def sum_answer_loss(model: Any) -> None:
    """Make the model's forward return the loss summed over its answers' tokens; its own is their mean.

    The mean of none would not be a number: such a piece is scored on some token, none of which counts.
    """
    whole = model.forward

    def forward(self: Any, labels: Any = None, **given: Any) -> Any:
        if labels is None:
            return whole(**given)
        count = (labels != MASKED).sum()
        scored = labels.where(count > 0, labels.clamp(min=0))
        return {"loss": whole(labels=scored, use_cache=False, **given).loss * count}

    model.forward = MethodType(forward, model)
