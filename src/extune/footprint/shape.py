"""A decoder's sizes, read from its config.json alone: what it has of which matrix."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ConfigError

ALL = "all-linear"


@dataclass(frozen=True, slots=True)
class Linear:
    """A matrix by the name that LoRA targets use."""

    name: str
    inputs: int
    outputs: int
    bias: bool = False

    @property
    def weights(self) -> int:
        """Of the matrix, without its bias."""
        return self.inputs * self.outputs


@dataclass(frozen=True, slots=True)
class Shape:
    """`linears` and `norms` (values of the norms' weights) are of one layer; `wide` is what an MLP holds for a token.

    `gated`: the MLP multiplies two projections. `window`: positions it was trained for, 0 where the configuration does
    not tell. `known`: False for a family that is counted as llama for want of a better description.
    """

    family: str
    layers: int
    hidden: int
    wide: int
    vocab: int
    heads: int
    kv_heads: int
    head_dim: int
    linears: tuple[Linear, ...]
    norms: int
    last_norm: int
    tied: bool
    gated: bool = True
    head_bias: bool = False
    window: int = 0
    known: bool = True

    @property
    def embedding(self) -> int:
        """Parameters of the embedding."""
        return self.vocab * self.hidden

    @property
    def head(self) -> int:
        """Parameters of the output head that are not the embedding's."""
        return (0 if self.tied else self.embedding) + (self.vocab if self.head_bias else 0)

    @property
    def matrices(self) -> int:
        """Weights of all linear layers, without biases: what is quantised, and multiplied for each token."""
        return self.layers * sum(linear.weights for linear in self.linears)

    @property
    def small(self) -> int:
        """Norms and biases."""
        biases = sum(linear.outputs for linear in self.linears if linear.bias)
        return self.layers * (self.norms + biases) + self.last_norm

    @property
    def parameters(self) -> int:
        """All of them, a tied head counted once."""
        return self.embedding + self.head + self.matrices + self.small

    def targets(self, wanted: str | Sequence[str] | None = ALL) -> tuple[Linear, ...]:
        """The matrices of one layer that LoRA adapts; None means all. Raises ConfigError for a name it lacks.

        A text other than `all-linear` is a regular expression, tried on the end of the name.
        """
        if wanted is None or wanted == ALL:
            return self.linears
        if isinstance(wanted, str):
            found = tuple(one for one in self.linears if re.fullmatch(wanted, f"model.layers.0.block.{one.name}"))
            return found or self._missing(wanted)
        names = [name.rpartition(".")[2] for name in wanted]
        for name in names:
            if name not in {*(one.name for one in self.linears), *OUTSIDE}:
                self._missing(name)
        return tuple(one for one in self.linears if one.name in names)

    def _missing(self, name: str) -> tuple[Linear, ...]:
        known = ", ".join(one.name for one in self.linears)
        raise ConfigError(
            f"train.lora.target_modules: a {self.family} model has no {name!r}", remedy=f"It has {known}, or all-linear"
        )


OUTSIDE = ("lm_head", "embed_tokens", "output_layer", "embed_out", "word_embeddings", "wte", "embed_in")
"""Targets outside the layers; they are not counted."""


def prefix_parameters(shape: Shape, tokens: int, encoder: int = 0) -> int:
    """Keys and values of so many virtual tokens for every layer; `encoder`: width of the network that makes them, or 0.

    As peft's PrefixEncoder has them (https://arxiv.org/abs/2110.07602).
    """
    width = shape.kv_heads * shape.head_dim
    made = 2 * shape.layers * width
    return tokens * width + (width + 1) * encoder + (encoder + 1) * made if encoder else tokens * made


def adapter_parameters(shape: Shape, rank: int, wanted: str | Sequence[str] | None = ALL) -> int:
    """LoRA's two thin matrices of each target in each layer."""
    return shape.layers * sum(rank * (one.inputs + one.outputs) for one in shape.targets(wanted))
