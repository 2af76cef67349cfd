"""What a training of a decoder takes: its way, its memory, its seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..config import Config
from ..footprint import Choice, Lengths, Shape, Training, common_among, packable
from ..footprint.memory import memory as parts_of
from .devices import Device
from .model import stored_bytes
from .pace import once, recorded, seconds
from .steps import Schedule, pieces, rows_of
from .way import choice_of, graphs_of, prefixes_of

LIBRARIES = 1_050_000_000
"""Bytes that Python, PyTorch, MLflow and the training libraries take in a process that computes on the CPU for some
hundred steps: 0.8 GB at first, then kernels for each new size and what the heap does not give back."""

HOLES = 1.6
"""On a CPU: what the heap holds for each byte that a backward pass keeps."""


@dataclass(frozen=True, slots=True)
class Sized:
    """`memory`: bytes by part. `seconds`: of the steps of the sample; `apart`: of what is done once."""

    parameters: int
    trainable: int
    memory: dict[str, int]
    seconds: float
    apart: float
    choice: Choice


def of_decoder(
    config: Config, keys: Mapping[str, Any], shape: Shape, training: Training, lengths: Lengths, made: Schedule,
    device: Device,
) -> Sized:  # fmt: skip
    """Of a model with one stack."""
    own = made.own(lengths.kept)
    choice = choice_of(config, shape, training, lengths, device, packable(keys, lengths.window))
    steps = [pieces(lengths, step, choice.tokens, choice.packed) for step in own]
    graphs = graphs_of(config, shape, lengths, made, choice, device)
    steps = recorded(steps) if graphs else steps
    if prefixes_of(config, keys, lengths, choice, graphs):
        training = replace(training, common=_common(config, lengths, own, steps))
    largest = int(max((piece.tokens for step in steps for piece in step), default=lengths.window))
    parts = parts_of(shape, training, largest, cache=choice.cache, recompute_layers=choice.recompute_layers)
    parts = parts if device.gpu else on_host(parts, shape.matrices, training, stored_bytes(keys))
    return Sized(
        parameters=shape.parameters,
        trainable=training.trained(shape),
        memory=parts,
        seconds=seconds(shape, training, choice, steps, device, graphs),
        apart=once(shape, steps, device, graphs, sum(parts.values())),
        choice=choice,
    )


def _common(
    config: Config, lengths: Lengths, own: Sequence[Sequence[int]], steps: Sequence[Sequence[object]]
) -> float:  # fmt: skip
    rows = sum(map(len, own)) / max(1, sum(map(len, steps)))  # of a piece
    return common_among(lengths.common, rows_of(config.train.sft), rows)


def on_host(parts: Mapping[str, int], matrices: int, training: Training, stored: int) -> dict[str, int]:
    """The parts of a process that computes on the CPU.

    Weights that need no conversion are read in place, so their file stays mapped, with what was made of the rest.
    """
    mapped = matrices * stored if stored == training.compute and not training.full else 0
    held = int(HOLES * parts["activations"])
    return {**parts, "activations": held, "file": mapped, "libraries": LIBRARIES}
