"""Settings that have no effect, or another one than they seem to: one line each, with the remedy."""

from collections.abc import Iterator
from pathlib import Path

from ..bases import PACKAGED
from ..config import Config
from ..footprint import Choice, Lengths, Shape
from ..options import BITS, changed
from ..unread import unread
from .devices import Device
from .steps import Schedule


def idle(
    config: Config, shape: Shape, lengths: Lengths, made: Schedule, choice: Choice, device: Device
) -> Iterator[str]:  # fmt: skip
    """The warnings of a plan: those by the settings alone, then those by what was counted."""
    yield from stated(config, device.name, device.gpu, device.bf16)
    if not shape.known:
        yield f"model type {shape.family!r} is not known here and counted like llama"
    if not choice.fits:
        yield f"the memory does not hold this training: {choice.why}"
    yield from _lora(config)
    yield from _batches(config, choice)
    yield from _spread(config, made, device)
    yield from _steps(config, made)
    yield from _rows(lengths, shape)


def stated(config: Config, device: str, gpu: bool, bf16: bool) -> Iterator[str]:
    """What the settings alone say, in the order of params.yaml: a training says it too."""
    yield from _model(config)
    yield from _unused(config)
    for key, instead in unread(config.train.sft).items():
        yield f"train.sft.{key} has no effect: {instead}"
    if int(config.train.sft.get("max_steps") or -1) > 0 and float(config.train.sft.get("num_train_epochs") or 1) != 1:
        yield "train.sft.num_train_epochs has no effect beside max_steps"
    yield from _types(config, device, gpu, bf16)


def _spread(config: Config, made: Schedule, device: Device) -> Iterator[str]:
    given = [key for key in ("fsdp", "deepspeed") if config.train.sft.get(key)]
    if given and (made.processes == 1 or not device.gpu):
        yield f"train.sft.{given[0]} has no effect: it takes several processes with a GPU each"
    elif given:
        yield f"train.sft.{given[0]}: planned as if each process had all of the model, so it takes less and longer"


def _model(config: Config) -> Iterator[str]:
    given = config.model.quantization
    asked = [bits for bits in BITS if bits in given]
    keys = changed("model.quantization", given) if asked else list(given)  # with neither, those shipped are idle too
    if (idle := [key for key in keys if key.startswith("bnb_4bit_")]) and not given.get("load_in_4bit"):
        yield f"model.quantization: {', '.join(idle)} without load_in_4bit: the base is not in 4 bits"
    if (idle := [key for key in keys if key.startswith("llm_int8_")]) and not any(given.get(bits) for bits in BITS):
        yield f"model.quantization: {', '.join(idle)} without load_in_8bit: the base is not quantised"
    base = config.model.base
    if (
        config.model.trust_remote_code
        and not config.model.revision
        and base not in PACKAGED
        and not Path(base).is_dir()
    ):
        yield "model.trust_remote_code without model.revision: whatever code the hub has then will run"


def _unused(config: Config) -> Iterator[str]:
    train = config.train
    for name, values in (("lora", train.lora), ("prefix", train.prefix)):
        idle = [f"train.{name}.{key}" for key in changed(f"train.{name}", values)]
        if idle and name != train.method:
            verb = "have" if len(idle) > 1 else "has"
            yield f"{', '.join(idle)} {verb} no effect with train.method={train.method}"


def _lora(config: Config) -> Iterator[str]:
    lora = config.train.lora
    if config.train.method != "lora":
        return
    if lora.get("lora_dropout"):
        forced = config.train.speed.prefixes is True
        alike = "what rows have in common is dropped in all or none" if forced else "rows that begin alike are apart"
        yield f"train.lora.lora_dropout above 0 keeps a second copy of every adapted layer's input, and {alike}: slower"
    if lora.get("modules_to_save"):
        yield "train.lora.modules_to_save: planned without the copies that are trained"
    if "lora_alpha" not in lora and int(lora.get("r", 8)) > 8:
        yield "train.lora.lora_alpha is 8 unless given: the adapter's share is alpha / r"


def _batches(config: Config, choice: Choice) -> Iterator[str]:
    sft = config.train.sft
    if sft.get("train_sampling_strategy") == "group_by_length" and choice.packed:
        yield "train.sft.train_sampling_strategy: group_by_length saves nothing where rows lie end to end"
    parts = int(sft.get("gradient_accumulation_steps") or 1)
    if parts > 1:
        rows = parts * int(sft.get("per_device_train_batch_size") or 8)
        yield f"train.sft.gradient_accumulation_steps: a step has {rows} rows however they are cut into pieces"


def _types(config: Config, device: str, gpu: bool, bf16: bool) -> Iterator[str]:
    sft, computed = config.train.sft, config.model.quantization.get("bnb_4bit_compute_dtype")
    if computed == "bfloat16" and gpu and not bf16:
        yield f"model.quantization.bnb_4bit_compute_dtype: {device} has no bf16"
    if sft.get("bf16") and not bf16:
        yield f"train.sft.bf16: {device} has no bf16"
    if sft.get("fp16") and not gpu:
        yield "train.sft.fp16 has no effect: it needs a GPU"


def _steps(config: Config, made: Schedule) -> Iterator[str]:
    sft = config.train.sft
    warmup = float(sft.get("warmup_steps") or 0)
    if warmup >= made.steps and warmup >= 1:
        yield f"train.sft.warmup_steps: {warmup:.0f} of {made.steps} steps: the learning rate never gets to its height"
    if float(sft.get("logging_steps") or 500) > made.steps:
        yield f"train.sft.logging_steps: no loss is told in {made.steps} steps"


def _rows(lengths: Lengths, shape: Shape) -> Iterator[str]:
    if lengths.over:
        yield f"{len(lengths.over)} rows are longer than train.sft.max_length = {lengths.window} and left out"
    if shape.window and lengths.window > shape.window:
        yield f"train.sft.max_length = {lengths.window}: the base was made for {shape.window} positions"
