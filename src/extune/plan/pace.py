"""Seconds of a training from its work and a device's rates."""

from collections.abc import Iterable, Sequence

from ..footprint import Choice, Shape, Training, Work, flop
from ..footprint.memory import STORAGE, kept_per_token
from .devices import Device

EFFICIENCY = {True: 0.76, False: 0.85}
"""GPU or not -> of a large product's rate, what the layers' products reach."""

MOVED = {(True, 2): 10.0, (False, 2): 55.0, (False, 4): 6.0}
"""GPU or not, bytes of the type -> how many times the bytes kept for the backward pass are moved beside the products.
CPUs compute such operations in bfloat16 far slower than they read it."""

LAUNCH = {True: 6.0e-3, False: 3.0e-3}
"""GPU or not -> seconds of Python and of starting kernels for each layer of a piece, forward and backward."""

PASSES = 5
"""On a CPU: how many times a piece reads the weights, and what belongs to each adapter value, beside the products."""

TRAINED = 16
"""Bytes that belong to an adapter value: itself, its gradient, two of AdamW's."""

STEP = {True: 55e-3, False: 30e-3}
"""GPU or not -> seconds of an optimiser step and its logging beside the pieces."""


def seconds(
    shape: Shape,
    training: Training,
    choice: Choice,
    steps: Sequence[Sequence[Work]],
    device: Device,
    graphs: bool = False,
) -> float:
    """Of these steps, each a list of pieces; `graphs`: a piece is launched as one (train/graphs.py)."""
    launch = 0.0 if graphs else LAUNCH[device.gpu]
    adapter = training.trained(shape) * TRAINED * PASSES / device.bandwidth
    spent = (_piece(shape, training, choice, work, device, launch) for step in steps for work in step)
    return sum(spent) + len(steps) * (STEP[device.gpu] + adapter)


def captures(shape: Shape, steps: Iterable[Sequence[Work]]) -> float:
    """Seconds, once in a training, in which graphs are recorded: one for every size of piece, after two passes."""
    from ..train.batches import bucket

    sizes = {(bucket(int(work.tokens)), bucket(int(work.answers), 1)) for step in steps for work in step}
    return len(sizes) * 3 * LAUNCH[True] * shape.layers


def _piece(shape: Shape, training: Training, choice: Choice, work: Work, device: Device, launch: float) -> float:
    """Forward and backward. On a GPU the launching runs beside the computing, so the longer of the two counts."""
    gpu = device.gpu
    again = choice.recompute_layers / shape.layers
    kept = kept_per_token(shape, training) * shape.layers
    moved = work.tokens * kept * MOVED[gpu, training.compute] * (1 + again / 2) / device.bandwidth
    busy = flop(shape, training, work, choice.recompute_layers) / (device.flops * EFFICIENCY[gpu]) + moved
    if training.quantised and not choice.cache:
        busy += _dequantised(shape, training, device) * (2 + again)
    launch *= shape.layers * (1 + again / 2)
    weights = shape.matrices * training.compute + training.trained(shape) * TRAINED
    return max(busy, launch) if gpu else busy + launch + PASSES * weights / device.bandwidth


def _dequantised(shape: Shape, training: Training, device: Device) -> float:
    """Seconds to dequantise all layers once: the codes read, the values written and read."""
    return shape.matrices * (STORAGE[training.storage] + 2 * training.compute) / device.bandwidth
