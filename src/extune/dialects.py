"""Parameters in the names of other projects: their files given as a preset become an overlay of ours.

DeepKE-LLM's fine-tuning, P-tuning and conversion YAML, the JSON and flags of ChatGLM QLoRA projects, the tables of
others: the names agree so far that one table does for all. What has no counterpart is listed with the reason.
"""

import logging
from collections.abc import Mapping
from typing import Any

from .errors import ConfigError
from .unread import ELSEWHERE, UNREAD

log = logging.getLogger(__name__)

Overlay = dict[str, Any]

_SFT = "train.sft."
_LORA = "train.lora."
_BITS = "model.quantization."
NAMES: dict[str, str] = {
    **dict.fromkeys(("model_name_or_path", "model_id", "model_dir", "model_path", "base_model"), "model.base"),
    **dict.fromkeys(("base_model_path",), "model.base"),
    **dict.fromkeys(("checkpoint_dir", "lora_model", "lora_path", "lora_model_path"), "train.adapter"),
    **dict.fromkeys(("train_file", "train_data_path", "train_path", "data_path", "src_path"), "data.source"),
    **dict.fromkeys(("cutoff_len", "max_len", "max_seq_length", "max_length"), f"{_SFT}max_length"),
    **dict.fromkeys(("per_device_train_batch_size", "train_batch_size"), f"{_SFT}per_device_train_batch_size"),
    **dict.fromkeys(("logging_steps", "log_steps"), f"{_SFT}logging_steps"),
    **dict.fromkeys(("warmup_steps", "warmup_ratio"), f"{_SFT}warmup_steps"),
    **{
        name: f"{_SFT}{name}"
        for name in (
            *("gradient_accumulation_steps", "learning_rate", "num_train_epochs", "max_steps", "lr_scheduler_type"),
            *("optim", "max_grad_norm", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon"),
            "neftune_noise_alpha",
        )
    },
    **dict.fromkeys(("deepspeed", "deeepspeed"), f"{_SFT}deepspeed"),
    **dict.fromkeys(("lora_r", "lora_rank"), f"{_LORA}r"),
    **{name: f"{_LORA}{name}" for name in ("lora_alpha", "lora_dropout")},
    **dict.fromkeys(("lora_target_modules", "target_modules"), f"{_LORA}target_modules"),
    **dict.fromkeys(("quant_type", "bnb_4bit_quant_type"), f"{_BITS}bnb_4bit_quant_type"),
    **dict.fromkeys(("double_quant", "bnb_4bit_use_double_quant"), f"{_BITS}bnb_4bit_use_double_quant"),
    **dict.fromkeys(("compute_dtype", "bnb_4bit_compute_dtype"), f"{_BITS}bnb_4bit_compute_dtype"),
    **{name: f"{_BITS}{name}" for name in ("load_in_4bit", "load_in_8bit")},
    "pre_seq_len": "train.prefix.num_virtual_tokens",
    "prefix_projection": "train.prefix.prefix_projection",
    "template": "model.template",
    "trust_remote_code": "model.trust_remote_code",
    "max_new_tokens": "decode.max_new_tokens",
    "batch_size": "decode.batch_size",
    "seed": "seed",
    "schema_path": "data.schema",
    "language": "task.language",
    "task": "task.name",
    "split_num": "task.split_num",
    "random_sort": "task.shuffle",
    "hard_negative_path": "task.hard_negatives",
}
"""Their name: ours."""

JOINT = frozenset(
    ("model_name", "bits", "finetuning_type", "stage", "max_source_length", "max_target_length", "max_input_length")
) | {"max_output_length", "max_src_len", "resume_lora_training", "val_set_size"}
JOINT |= {"save_strategy", "save_steps", "save_total_limit"}
"""Read together with others, see `_joined`."""

_STAGES = "each stage is a command"
_STEPS = "train.checkpoint goes by optimiser steps"
_TYPE = "the hardware chooses the type"
_SPLIT = "dev is a file beside that of train, or data.split.dev, a share"
_UNTRAINED = "no LoRA is trained by this method"
_CUT = "train.sft.max_length bounds prompt and answer together"
IGNORED: dict[str, str] = {
    **{key: why for key, why in UNREAD.items() if key not in NAMES and key not in JOINT},
    **dict.fromkeys(("overwrite_output_dir", "export_dir", "output_file", "logging_dir", "tgt_path"), ELSEWHERE),
    **dict.fromkeys(("do_train", "do_eval", "do_predict", "predict_with_generate", "input_file", "test_file"), _STAGES),
    **dict.fromkeys(("split", "mode", "with_prompt", "interactive", "text"), _STAGES),
    "evaluation_strategy": UNREAD["eval_strategy"],
    **dict.fromkeys(("fp16", "bf16", "torch_dtype"), _TYPE),
    **dict.fromkeys(("valid_file", "validation_file", "eval_data_path"), _SPLIT),
    **dict.fromkeys(("preprocessing_num_workers", "overwrite_cache"), "tokenising takes seconds"),
    **dict.fromkeys(("ddp_find_unused_parameters", "group_by_length"), "the trainer sees to it"),
    "tokenizer_path": "the base's own tokenizer is used",
    "prompt_text": "task.instruction is the wording",
    "lora_dim": "the code that reads it uses lora_rank and lora_alpha",
    "cluster_mode": "hard negatives are used where task.hard_negatives names a file",
}
"""Of the options of transformers' trainer, those that no training here follows; of the others, why not."""

FAMILIES = ("alpaca", "vicuna", "zhixi")
"""Values of their model_name that config.json does not tell; all others it does."""


def in_our_names(values: Overlay, own: frozenset[str], where: str) -> Overlay:
    """A preset as an overlay of params.yaml; one in other names is translated, and one line says what is ignored.

    `own`: the sections of params.yaml.
    """
    if not is_foreign(values, own):
        return values
    overlay, ignored = translate(values, own)
    if ignored:
        keys = {why: ", ".join(key for key in ignored if ignored[key] == why) for why in ignored.values()}
        log.warning("%s: ignored %s", where, "; ".join(f"{some} ({why})" for why, some in keys.items()))
    return overlay


def is_foreign(values: Mapping[str, Any], own: frozenset[str]) -> bool:
    """Whether a preset is written in the names of another project. `own`: the sections of params.yaml.

    DeepKE's `task` is a name and its `train`, in a conversion file, holds a `src_path`: neither is our section.
    """
    ours = {key for key, part in values.items() if key in own and isinstance(part, Mapping) and "src_path" not in part}
    return not ours and bool(_flat(values, own).keys() & (NAMES.keys() | IGNORED.keys() | JOINT))


def translate(values: Mapping[str, Any], own: frozenset[str]) -> tuple[Overlay, dict[str, str]]:
    """Our overlay, and the keys without a counterpart with the reason.

    Raises ConfigError for a training stage or method that there is none of here.
    """
    flat = _flat(values, own)
    overlay = _joined(flat)
    ignored = _unused(flat)
    for key, value in flat.items():
        if key in ignored:
            continue
        if key in NAMES:
            _put(overlay, NAMES[key], _value(key, value))
        elif key not in JOINT:
            ignored[key] = IGNORED.get(key, "no such parameter is known")
    return overlay, ignored


def _flat(values: Mapping[str, Any], own: frozenset[str]) -> Overlay:
    """The keys of a file with sections, or those of the part of a conversion file that its mode names."""
    parts = [name for name, part in values.items() if isinstance(part, Mapping) and "src_path" in part]
    if parts:
        chosen = str(values.get("mode", parts[0]))
        return {**{k: v for k, v in values.items() if k not in parts}, **values.get(chosen, {})}
    flat: Overlay = {}
    for key, value in values.items():
        flat |= _flat(value, own) if isinstance(value, Mapping) and key not in own else {key: value}
    return flat


def _value(key: str, value: Any) -> Any:
    if key in ("lora_target_modules", "target_modules") and isinstance(value, str) and "," in value:
        return [part.strip() for part in value.split(",")]
    if NAMES[key] == "train.adapter" and isinstance(value, list):
        return ",".join(map(str, value))
    if key == "prefix_projection" and isinstance(value, str):
        return value.lower() == "true"
    return value


def _joined(flat: Mapping[str, Any]) -> Overlay:
    """What several keys say together, and what DeepKE-LLM's defaults say where its keys are left out."""
    _check(flat)
    overlay: Overlay = {}
    for path, value in {**_asked(flat), **_model(flat), **_lengths(flat), **_kept(flat)}.items():
        _put(overlay, path, value)
    return overlay


def _check(flat: Mapping[str, Any]) -> None:
    if (stage := flat.get("stage", "sft")) != "sft":
        raise ConfigError(f"stage: {stage!r} is not done here", remedy="Only sft is: training on labelled examples")
    if (method := flat.get("finetuning_type", "lora")) not in ("lora", "full"):
        raise ConfigError(f"finetuning_type: {method!r} is not done here", remedy="Use lora or full, or train.method")
    if (bits := flat.get("bits", 16)) not in BITS:
        raise ConfigError(
            f"bits: {bits!r} is no width that a base can have",
            remedy="Use 4 or 8 for a quantised base, 16 or 32 for one that is not",
        )
    if ADAPTERS & flat.keys() and flat.get("resume_lora_training", True) in (False, "false"):
        raise ConfigError(
            "resume_lora_training: false asks for a new adapter on top of an old one, and one is trained at a time",
            remedy="`extune merge OLD FOLDER`, then make that folder model_name_or_path and leave the old one out",
        )


BITS = (4, 8, 16, 32, "4", "8", "16", "32")
ADAPTERS = frozenset(key for key, ours in NAMES.items() if ours == "train.adapter")


def _asked(flat: Mapping[str, Any]) -> Overlay:
    """DeepKE-LLM's data say for which task and with how many labels they ask, and its wording is one for each task."""
    if not _of_deepke(flat):
        return {}
    return {
        "task.name": "auto",  # where `task` does not say it, the rows do
        "task.notation": "iepile_json",
        "task.instruction": None,
        "task.system": None,  # that of the template
        "task.split_num": CONVERTED if "src_path" in flat else "auto",
    }


CONVERTED = 4
"""Labels of a prompt that its converter makes unless `split_num` says otherwise."""


def _of_deepke(flat: Mapping[str, Any]) -> bool:
    """Whether a file is DeepKE-LLM's: of fine-tuning, of P-tuning or of conversion."""
    return _trains_deepke(flat) or "src_path" in flat


def _trains_deepke(flat: Mapping[str, Any]) -> bool:
    return ("model_name" in flat and "base_model" not in flat) or {"pre_seq_len", "train_path"} <= flat.keys()


def _model(flat: Mapping[str, Any]) -> Overlay:
    found: Overlay = {}
    deepke = _trains_deepke(flat)
    if flat.get("model_name") in FAMILIES:
        found["model.family"] = flat["model_name"]
    if deepke and not flat.keys() & {"lora_target_modules", "target_modules"}:
        found[f"{_LORA}target_modules"] = "family"
    if deepke and "lora_r" in flat and flat.get("lora_alpha") is None:
        found[f"{_LORA}lora_alpha"] = 2 * int(flat["lora_r"])
    if "bits" in flat or (deepke and "load_in_4bit" not in flat):
        bits = int(flat.get("bits", 16))
        found |= {f"{_BITS}load_in_4bit": bits == 4, f"{_BITS}load_in_8bit": bits == 8}
    if "finetuning_type" in flat:
        found["train.method"] = flat["finetuning_type"]
    if "pre_seq_len" in flat:
        found["train.method"] = "prefix"
    return found


def _lengths(flat: Mapping[str, Any]) -> Overlay:
    found: Overlay = {}
    answer = flat.get("max_target_length", flat.get("max_output_length"))
    prompt = flat.get("max_source_length", flat.get("max_input_length"))
    if answer is not None:
        found["decode.max_new_tokens"] = int(answer)
    if answer is not None and prompt is not None and "cutoff_len" not in flat:
        found[f"{_SFT}max_length"] = int(answer) + int(prompt)
    return found


def _kept(flat: Mapping[str, Any]) -> Overlay:
    """Checkpoints where they are made every so many steps, and dev where its size is a share."""
    found = {SAVING[key]: flat[key] for key in SAVING if _is_saving(key, flat)}
    return found | ({"data.split.dev": flat["val_set_size"]} if _is_share(flat) else {})


SAVING = {"save_steps": "train.checkpoint.steps", "save_total_limit": "train.checkpoint.keep"}


def _is_saving(key: str, flat: Mapping[str, Any]) -> bool:
    """Whether a key is about checkpoints as they are made here: every so many steps, and so many of them stay."""
    value = flat.get(key)
    return flat.get("save_strategy", "steps") == "steps" and isinstance(value, int) and value >= 1


def _is_share(flat: Mapping[str, Any]) -> bool:
    """Whether dev is to be a share of the training file; from 1 on it is a number of rows, beside a file nothing."""
    size = flat.get("val_set_size")
    beside = flat.keys() & {"valid_file", "validation_file", "eval_data_path"}
    return isinstance(size, int | float) and 0 <= size < 1 and not beside


def _unused(flat: Mapping[str, Any]) -> dict[str, str]:
    """Keys that come to nothing beside the others."""
    unused = {key: _CUT for key in ("max_src_len",) if key in flat}
    alone = "cutoff_len" in flat or not flat.keys() & {"max_target_length", "max_output_length"}
    unused |= {key: _CUT for key in ("max_source_length", "max_input_length") if key in flat and alone}
    if "model_name" in flat and flat["model_name"] not in FAMILIES:
        unused["model_name"] = "config.json tells the family"
    if flat.get("finetuning_type") == "full" or "pre_seq_len" in flat:
        unused |= {key: _UNTRAINED for key in flat if NAMES.get(key, "").startswith(_LORA)}
    if "val_set_size" in flat and not _is_share(flat):
        unused["val_set_size"] = _SPLIT
    unused |= {key: _STEPS for key in SAVING if key in flat and not _is_saving(key, flat)}
    return unused | ({"save_strategy": _STEPS} if flat.get("save_strategy", "steps") != "steps" else {})


def _put(overlay: Overlay, path: str, value: Any) -> None:
    *sections, last = path.split(".")
    for section in sections:
        overlay = overlay.setdefault(section, {})
    overlay[last] = value
