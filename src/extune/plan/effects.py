"""Settings that have no effect, or another one than they seem to: one line each, with the remedy."""

from collections.abc import Iterator

from ..config import Config
from ..footprint import Choice, Lengths, Shape
from .devices import Device
from .steps import Schedule

NOT_READ = {
    **dict.fromkeys(
        ("packing", "packing_strategy", "padding_free", "eval_packing", "pad_to_multiple_of"),
        "train.speed.packed says how rows are laid",
    ),
    **dict.fromkeys(
        ("dataset_text_field", "dataset_num_proc", "dataset_kwargs", "completion_only_loss", "assistant_only_loss",
         "truncation_mode", "eos_token", "pad_token", "chat_template_path", "shuffle_dataset", "model_init_kwargs"),
        "rows come tokenised, with the loss on the answer",
    ),
    **dict.fromkeys(
        ("gradient_checkpointing", "gradient_checkpointing_kwargs", "activation_offloading"),
        "train.speed.recompute says what is computed again",
    ),
    **dict.fromkeys(("torch_compile", "torch_compile_backend", "torch_compile_mode"), "train.speed.compile says so"),
    **dict.fromkeys(("loss_type", "label_smoothing_factor", "use_liger_kernel"), "the loss is train/loss.py's own"),
    **dict.fromkeys(("output_dir", "run_name", "report_to", "logging_dir", "hub_model_id", "push_to_hub"),
                    "the adapter goes to models/adapter, the metrics to MLflow"),
}  # fmt: skip
"""Keys of train.sft that training does not follow, and what it follows instead."""

WITHOUT_EVAL = ("eval_strategy", "eval_steps", "load_best_model_at_end", "metric_for_best_model", "eval_on_start")


def idle(
    config: Config, shape: Shape, lengths: Lengths, made: Schedule, choice: Choice, device: Device
) -> Iterator[str]:  # fmt: skip
    """The warnings, in the order of params.yaml."""
    yield from _model(config, shape)
    yield from _lora(config, choice)
    yield from _sft(config)
    yield from _batches(config, choice)
    yield from _types(config, device)
    yield from _spread(config, made, device)
    yield from _steps(config, made)
    yield from _rows(lengths, shape)


def _spread(config: Config, made: Schedule, device: Device) -> Iterator[str]:
    given = [key for key in ("fsdp", "deepspeed") if config.train.sft.get(key)]
    if given and (made.processes == 1 or not device.gpu):
        yield f"train.sft.{given[0]} has no effect: it takes several processes with a GPU each"
    elif given:
        yield f"train.sft.{given[0]}: planned as if each process had all of the model, so it takes less and longer"


def _model(config: Config, shape: Shape) -> Iterator[str]:
    given = config.model.quantization
    four = [key for key in given if key.startswith("bnb_4bit_")]
    if four and not given.get("load_in_4bit"):
        yield f"model.quantization: {', '.join(four)} without load_in_4bit: the base is not in 4 bits"
    if given.get("load_in_4bit") and given.get("load_in_8bit"):
        yield "model.quantization: load_in_4bit and load_in_8bit exclude each other"
    if config.model.trust_remote_code and not config.model.revision:
        yield "model.trust_remote_code without model.revision: whatever code the hub has then will run"
    if not shape.known:
        yield f"model type {shape.family!r} is not known here and counted like llama"


def _lora(config: Config, choice: Choice) -> Iterator[str]:
    lora = config.train.lora
    if lora.get("lora_dropout") and config.train.method == "lora":
        forced = config.train.speed.prefixes is True
        alike = "what rows have in common is dropped in all or none" if forced else "rows that begin alike are apart"
        yield f"train.lora.lora_dropout above 0 keeps a second copy of every adapted layer's input, and {alike}: slower"
    if "lora_alpha" not in lora and int(lora.get("r", 8)) > 8:
        yield "train.lora.lora_alpha is 8 unless given: the adapter's share is alpha / r"
    if not choice.fits:
        yield f"the memory does not hold this training: {choice.why}"


def _sft(config: Config) -> Iterator[str]:
    sft = config.train.sft
    for key, instead in NOT_READ.items():
        if sft.get(key) not in (None, False, [], "none"):
            yield f"train.sft.{key} has no effect: {instead}"
    for key in WITHOUT_EVAL:
        if sft.get(key) not in (None, False, "no"):
            yield f"train.sft.{key} has no effect: there is no evaluation set in training"


def _batches(config: Config, choice: Choice) -> Iterator[str]:
    sft = config.train.sft
    grouped = sft.get("train_sampling_strategy") == "group_by_length" or sft.get("group_by_length")
    if grouped and choice.packed:
        yield "train.sft.train_sampling_strategy: group_by_length saves nothing where rows lie end to end"
    parts = int(sft.get("gradient_accumulation_steps") or 1)
    if parts > 1:
        rows = parts * int(sft.get("per_device_train_batch_size") or 8)
        yield f"train.sft.gradient_accumulation_steps: a step has {rows} rows however they are cut into pieces"


def _types(config: Config, device: Device) -> Iterator[str]:
    sft = config.train.sft
    if sft.get("bf16") and not device.bf16:
        yield f"train.sft.bf16: {device.name} has no bf16"
    if sft.get("fp16") and not device.gpu:
        yield "train.sft.fp16: needs a GPU"
    if sft.get("bf16") and sft.get("fp16"):
        yield "train.sft: bf16 and fp16 exclude each other"


def _steps(config: Config, made: Schedule) -> Iterator[str]:
    sft = config.train.sft
    warmup = float(sft.get("warmup_steps") or 0)
    if warmup >= made.steps and warmup >= 1:
        yield f"train.sft.warmup_steps: {warmup:.0f} of {made.steps} steps: the learning rate never gets to its height"
    if int(sft.get("max_steps") or -1) > 0 and float(sft.get("num_train_epochs") or 1) != 1:
        yield "train.sft.num_train_epochs has no effect beside max_steps"
    if float(sft.get("logging_steps") or 500) > made.steps:
        yield f"train.sft.logging_steps: no loss is told in {made.steps} steps"


def _rows(lengths: Lengths, shape: Shape) -> Iterator[str]:
    if lengths.over:
        yield f"{len(lengths.over)} rows are longer than train.sft.max_length = {lengths.window} and left out"
    if shape.window and lengths.window > shape.window:
        yield f"train.sft.max_length = {lengths.window}: the base was made for {shape.window} positions"
