"""The options that are handed on to libraries: what cannot be meant is one line, before anything is loaded.

What a library says of its own options decides: the types of the fields of SFTConfig, LoraConfig, PrefixTuningConfig,
and what BitsAndBytesConfig takes. To import them takes seconds, so it is done only where an option differs from
params.yaml as it is shipped in more than a number.
"""

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from inspect import isclass, signature
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from .config import Config
from .errors import ConfigError
from .unread import UNREAD

SHIPPED: dict[str, dict[str, Any]] = {
    "model.quantization": {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
    },
    "train.lora": {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": "all-linear"},
    "train.prefix": {"num_virtual_tokens": 16, "prefix_projection": True},
    "train.sft": {
        "max_length": 1024,
        "num_train_epochs": 1,
        "max_steps": -1,
        "per_device_train_batch_size": 4,
        "learning_rate": 1.0e-3,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 10,
        "logging_steps": 5,
    },
}
"""These sections of params.yaml as shipped: what differs was set by the user."""

BITS = ("load_in_4bit", "load_in_8bit")
DTYPES = ("bfloat16", "float16", "float32")
BELOW_1 = math.nextafter(1, 0)
BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("train.sft.per_device_train_batch_size", "train.sft.gradient_accumulation_steps"), (1, math.inf)),
    **dict.fromkeys(("train.sft.max_length", "train.lora.r", "train.lora.lora_alpha"), (1, math.inf)),
    **dict.fromkeys(("train.prefix.num_virtual_tokens", "train.prefix.encoder_hidden_size"), (1, math.inf)),
    **dict.fromkeys(("train.sft.learning_rate", "train.sft.weight_decay", "train.sft.warmup_steps"), (0, math.inf)),
    **dict.fromkeys(("train.sft.max_grad_norm", "train.sft.dataloader_num_workers"), (0, math.inf)),
    **dict.fromkeys(("train.sft.adam_epsilon", "train.sft.neftune_noise_alpha"), (0, math.inf)),
    "train.sft.logging_steps": (math.nextafter(0, 1), math.inf),
    **dict.fromkeys(("train.lora.lora_dropout", "train.sft.adam_beta1", "train.sft.adam_beta2"), (0, BELOW_1)),
}
"""The least and the most that numbers can be, where the libraries take any or find out late."""

OPTIONAL = ("train.sft.neftune_noise_alpha", "train.prefix.encoder_hidden_size")
"""Of these, what may be null."""

NAMES = {
    "train.sft.train_sampling_strategy": ("random", "group_by_length"),
    "train.sft.log_level": ("debug", "info", "warning", "error", "critical", "detail", "passive"),
}
"""What texts can be, where the libraries take any or find out late."""

SETTLED = frozenset(
    ("task_type", "peft_type", "peft_version", "auto_mapping", "base_model_name_or_path", "revision", "inference_mode")
) | {"token_dim", "num_transformer_submodules", "num_attention_heads", "num_layers"}
"""Of LoraConfig and PrefixTuningConfig: what follows from method and base."""

WIDER = ("fsdp", "init_lora_weights")
"""Which take more than their type says: true; pissa_niter_ and a number."""


def check(config: Config) -> None:
    """Raise ConfigError for the first option of model.quantization or train that cannot be meant."""
    check_quantization(config.train.method, config.model.quantization)
    for name in ("lora", "prefix", "sft"):
        _check_section(f"train.{name}", getattr(config.train, name))
    train = config.train
    if train.method == "prefix" and "num_virtual_tokens" not in train.prefix:
        raise _wrong("train.prefix.num_virtual_tokens", None, "It should be the length of the prefix, such as 16")
    if train.sft.get("bf16") and train.sft.get("fp16"):
        raise ConfigError("train.sft asks for bf16 and fp16", where="params.yaml", remedy="Set one of them to false")
    if train.sft.get("lr_scheduler_type") == "reduce_lr_on_plateau":
        raise _wrong("train.sft.lr_scheduler_type", "reduce_lr_on_plateau", "It needs an evaluation set: set cosine")
    epochs = train.sft.get("num_train_epochs", 1)
    if epochs <= 0 and train.sft.get("max_steps", -1) <= 0:
        raise _wrong("train.sft.num_train_epochs", epochs, "It should be above 0, or train.sft.max_steps")


def check_quantization(method: str, given: Mapping[str, Any]) -> None:
    """Raise ConfigError for options of BitsAndBytesConfig that cannot be meant."""
    for key in strange("model.quantization", given):
        _check_bits(key, given[key])
    if all(given.get(key) for key in BITS):
        raise ConfigError("model.quantization asks for 4 and for 8 bit", remedy="Set one of them to false")
    if method == "full" and any(given.get(key) for key in BITS):
        raise ConfigError(
            "train.method=full cannot train a quantised base: its weights are no numbers that a step can change",
            remedy="Set model.quantization=null, or train.method=lora",
        )


def strange(section: str, given: Mapping[str, Any]) -> list[str]:
    """The keys whose values are neither those shipped nor, as other numbers are, surely of the right type."""
    had = SHIPPED[section]

    def sure(key: str, value: Any) -> bool:
        return key in had and type(value) is type(had[key]) and (value == had[key] or not isinstance(value, str))

    return [key for key, value in given.items() if not sure(key, value)]


def changed(section: str, given: Mapping[str, Any]) -> list[str]:
    """The keys that the user has set."""
    return [key for key, value in given.items() if key not in SHIPPED[section] or value != SHIPPED[section][key]]


def unknown(section: str, key: str, known: Sequence[str], kind: str) -> ConfigError:
    """The error for a key that a class of options does not have."""
    near = difflib.get_close_matches(key, known, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"See the documentation of {kind}"
    return ConfigError(f"unknown key '{section}.{key}'", where="params.yaml", remedy=hint)


@contextmanager
def told_as(section: str) -> Iterator[None]:
    """Turn what a library raises for its options into one line that names their section."""
    try:
        yield
    except (ImportError, TypeError, ValueError) as exc:
        raise ConfigError(f"{section}: {str(exc).strip().splitlines()[0]}", where="params.yaml") from exc


def _check_bits(key: str, value: Any) -> None:
    from transformers import BitsAndBytesConfig

    known = [name for name in signature(BitsAndBytesConfig.__init__).parameters if name not in ("self", "kwargs")]
    if key not in known:
        raise unknown("model.quantization", key, known, "BitsAndBytesConfig")
    name = f"model.quantization.{key}"
    if key == "bnb_4bit_quant_type" and value not in ("nf4", "fp4"):
        raise _wrong(name, value, "Set it to nf4 or fp4")
    if key == "bnb_4bit_compute_dtype":
        if value is not None and str(value).removeprefix("torch.") not in DTYPES:
            raise _wrong(name, value, f"It should be {', '.join(DTYPES[:-1])} or {DTYPES[-1]}")
        return
    try:
        BitsAndBytesConfig(**{key: value})
    except (TypeError, ValueError) as exc:
        raise _wrong(name, value, str(exc).splitlines()[0].strip()) from exc


def _check_section(section: str, given: Mapping[str, Any]) -> None:
    if odd := strange(section, given):
        kind = _kind(section)
        types = get_type_hints(kind)
        for key in odd:
            if key not in types:
                raise unknown(section, key, list(types), kind.__name__)
            if section != "train.sft" and key in SETTLED:
                raise _wrong(f"{section}.{key}", given[key], "Leave it out: it follows from the method and the base")
            if key not in UNREAD or section != "train.sft":
                _check_type(f"{section}.{key}", types[key], given[key])
    for key, value in given.items():
        _check_bounds(f"{section}.{key}", value)


def _kind(section: str) -> Any:
    from peft import LoraConfig, PrefixTuningConfig
    from trl import SFTConfig

    return {"train.lora": LoraConfig, "train.prefix": PrefixTuningConfig, "train.sft": SFTConfig}[section]


def _check_type(name: str, kind: Any, value: Any) -> None:
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if name.rpartition(".")[2] in WIDER or not all(map(_plain, members)):
        _check_writable(name, members, value)
        return
    if found := [member for member in members if isclass(member) and issubclass(member, Enum)]:
        names = [str(one.value) for one in found[0]]
        if value not in names:
            raise _wrong(name, value, _nearest(value, names))
        return
    if name in NAMES and value not in NAMES[name]:
        raise _wrong(name, value, _nearest(value, NAMES[name]))
    try:
        TypeAdapter(kind).validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError as exc:
        said = dict.fromkeys(error["msg"].removeprefix("Input should be ") for error in exc.errors())
        raise _wrong(name, value, f"It should be {', or '.join(said)}") from None


def _check_writable(name: str, members: Sequence[Any], value: Any) -> None:
    """A class of the library's own says itself what it takes, if it can be given in YAML at all."""
    if value is not None and not any(map(_plain, {*members} - {NoneType})):
        raise _wrong(name, value, f"Leave it out: it takes a {members[0].__name__}, which no file can hold")


def _plain(kind: Any) -> bool:
    own = get_origin(kind) or kind
    return own in (bool, int, float, str, list, dict, NoneType, Literal) or (isclass(own) and issubclass(own, Enum))


def _nearest(value: Any, names: Sequence[str]) -> str:
    if value is False and "no" in names:
        return "YAML takes a bare no for false: write 'no'"
    near = difflib.get_close_matches(str(value), names, 1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}"


def _check_bounds(name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(name, value, "It should be a finite number")
    if name not in BOUNDS:
        return
    least, most = BOUNDS[name]
    if value is None and name in OPTIONAL:
        return
    if value is None or not least <= value <= most:
        lowest = "above 0" if 0 < least < 1 else f"{least:g} or more"
        raise _wrong(name, value, f"It should be {lowest}{', and below 1' if most == BELOW_1 else ''}")


def _wrong(name: str, value: Any, remedy: str) -> ConfigError:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return ConfigError(f"{name} is {shown}", where="params.yaml", remedy=remedy)
