"""Parameters, memory, tokens, steps, time and disk of a training, from params.yaml and a config.json alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import Config
from ..families import choose as choose_family
from ..footprint import Choice, Lengths, Shape, Training, stacks_of, training_of
from ..options import check
from ..processes import wanted
from .devices import Device, device_of
from .effects import idle
from .model import continuing, read_config, stored_bytes
from .pairs import of_pair
from .rows import train_lengths
from .sized import Sized, of_decoder
from .steps import rows_of, schedule
from .way import forced

STARTED = 1_000_000
"""Bytes of a run's own records: metrics, parameters, curve."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All sizes in bytes, all times in seconds; `memory` by part, `peak` their sum, of one process."""

    base: str
    device: str
    processes: int
    parameters: int
    trainable: int
    memory: dict[str, int]
    free: int
    lengths: Lengths
    step_rows: int
    steps: int
    tokens: int
    seconds: float
    disk: dict[str, int]
    choice: Choice
    warnings: tuple[str, ...]

    @property
    def peak(self) -> int:
        """The most memory at once: of the process on a CPU, else allocated on the GPU."""
        return sum(self.memory.values())


def plan(config: Config, root: Path, device: Device | str = "auto", memory: float | None = None) -> Plan:
    """The plan of `extune train` with this configuration, on a device by its name; `memory`: GB to plan with instead.

    Raises ModelError and ConfigError as training would.
    """
    check(config)
    keys, folder = read_config(config.model, root)
    config = continuing(config, root)
    sft = config.train.sft
    window = int(sft.get("max_length") or 1024)
    lengths = train_lengths(root / "data/sft/train.jsonl", config.model, folder, window, rows_of(sft))
    stacks = stacks_of(keys)
    shape = stacks[-1]
    count = _processes(config.train.processes, device)
    if isinstance(device, str):
        device = _each(device_of(device, memory, (shape.hidden, shape.wide)), count)
    training = _training(config, folder, lengths, device, shape)
    made = schedule(lengths, sft, config.seed, count)
    given = (training, lengths, made, device)
    sized = of_pair(config, keys, stacks, *given) if len(stacks) == 2 else of_decoder(config, keys, shape, *given)
    share = made.steps / max(1, len(made.sample))
    sample = (lengths.kept[row] for step in made.sample for row in step)
    return Plan(
        base=config.model.base,
        device=device.name,
        processes=count,
        parameters=sized.parameters,
        trainable=sized.trainable,
        memory=sized.memory,
        free=device.memory,
        lengths=lengths,
        step_rows=made.rows,
        steps=made.steps,
        tokens=round(sum(sample) * share),
        seconds=sized.seconds * share + sized.apart,
        disk=_disk(config, sized, training, root, stored_bytes(keys)),
        choice=sized.choice,
        warnings=tuple(idle(config, shape, lengths, made, sized.choice, device)),
    )


def _processes(asked: int | str, device: Device | str) -> int:
    """How many will train together: where the device is not here, one, unless a number is asked for."""
    if device == "auto":
        return wanted(asked)
    return 1 if asked == "auto" else int(asked)


def _each(device: Device, count: int) -> Device:
    """What one of so many processes has: a GPU of its own, or its part of the processor."""
    if device.gpu or count == 1:
        return device
    return replace(
        device, memory=device.memory // count, flops=device.flops / count, bandwidth=device.bandwidth / count
    )


def _training(config: Config, folder: Path | None, lengths: Lengths, device: Device, shape: Shape) -> Training:
    train = config.train
    return training_of(
        train.method, train.lora, config.model.quantization, compute=device.compute, gpu=device.gpu,
        compiled=bool(forced(config).get("compile", device.gpu)), answers=lengths.answer_share,
        optim=str(train.sft.get("optim", "")), targets=_targets(config, folder),
        prefix=_prefix(train.prefix, shape) if train.method == "prefix" else None,
    )  # fmt: skip


def _targets(config: Config, folder: Path | None) -> str | tuple[str, ...] | None:
    wanted = config.train.lora.get("target_modules")
    if wanted == "family":
        named = folder and choose_family(folder, config.model.base, config.model.family, config.model.template)
        return (named.family.targets or None) if named else None
    return tuple(wanted) if isinstance(wanted, list) else wanted


def _prefix(prefix: Mapping[str, Any], shape: Shape) -> tuple[int, int]:
    width = int(prefix.get("encoder_hidden_size") or shape.kv_heads * shape.head_dim)
    return int(prefix.get("num_virtual_tokens") or 0), width if prefix.get("prefix_projection") else 0


def _disk(config: Config, sized: Sized, training: Training, root: Path, stored: int) -> dict[str, int]:
    adapter = 4 * sized.trainable
    data = sum(path.stat().st_size for path in sorted((root / "data" / "sft").glob("*.jsonl")))
    return {
        "base": sized.parameters * stored,
        "adapter": adapter,
        "checkpoints": config.train.checkpoint.keep * sized.trainable * (4 + training.optimiser),
        "run": adapter + data + STARTED,
    }
