"""How a base is made trainable: LoRA (QLoRA where the base is quantised), a prefix, all of it, or an adapter again.

LoRA: https://arxiv.org/abs/2106.09685; QLoRA: https://arxiv.org/abs/2305.14314; a prefix (P-tuning v2):
https://arxiv.org/abs/2110.07602.
"""

import difflib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PrefixTuningConfig, get_peft_model

from .adapters import check_adapter, check_covered, decoder_layers, refused, save_adapter, with_adapter
from .errors import ConfigError
from .families import Family
from .model import Base, is_quantised
from .options import check_quantization, unknown

log = logging.getLogger(__name__)

KINDS = {"lora": LoraConfig, "prefix": PrefixTuningConfig}
FAMILY = "family"
"""A value of train.lora.target_modules: the modules that the family's table names."""


def check(method: str, quantization: Mapping[str, Any], device: str) -> None:
    """Raise ConfigError for a method or quantisation that cannot work, before a base is loaded for it."""
    check_quantization(method, quantization)
    wanted = str(quantization.get("bnb_4bit_compute_dtype", "")).removeprefix("torch.")
    if wanted == "bfloat16" and device.startswith("cuda") and not torch.cuda.is_bf16_supported(False):
        raise ConfigError(
            "model.quantization.bnb_4bit_compute_dtype is bfloat16, which this GPU does not have",
            remedy="Leave it out: the hardware then chooses",
        )


def attach(
    model: Any, method: str, family: Family, *, lora: Mapping[str, Any], prefix: Mapping[str, Any],
    adapter: Path | None = None,
) -> Any:  # fmt: skip
    """The model with what is to be trained in it, and nothing else trainable: a PeftModel, or the model for `full`.

    `adapter`: train this one on instead of a new one. New parameters are drawn from torch's generator: seed it first.
    Raises ConfigError naming the key of params.yaml that does not fit.
    """
    if adapter is not None:
        return _again(model, method, adapter, lora)
    if method == "full":
        if is_quantised(model):
            raise ConfigError("train.method=full: the base's own files are quantised", remedy="Train LoRA on it")
        return model.requires_grad_(True)
    given = {"lora": lora, "prefix": prefix}[method]
    kind = "SEQ_2_SEQ_LM" if family.seq2seq else "CAUSAL_LM"
    values = {"task_type": kind, **given}
    if method == "lora":
        values["target_modules"] = targets(model, family, given.get("target_modules", "all-linear"))
    else:
        values = {**prefix_sizes(model.config), **values}
    _check_saved(model, f"train.{method}.modules_to_save", given.get("modules_to_save") or ())
    config = options(KINDS[method], f"train.{method}", values)
    try:
        made = get_peft_model(model, config)
    except (TypeError, ValueError, AttributeError, KeyError) as exc:
        raise ConfigError(f"train.{method}: {str(exc).splitlines()[0]}", where="params.yaml") from exc
    if method == "prefix" and (reason := refused(made)):
        raise ConfigError(
            f"train.method=prefix does not fit the attention of {type(model).__name__} ({reason})",
            where="params.yaml",
            remedy="Set train.method=lora",
        )
    return made


def prefix_sizes(config: Any) -> dict[str, int]:
    """What PEFT does not find in a base's configuration, or finds wrong, in PrefixTuningConfig's names.

    Falcon 7B has one head of keys and values for all (`multi_query`), and says so in no name that PEFT knows.
    """
    sizes = {"num_layers": layers} if (layers := decoder_layers(config)) else {}
    if config.model_type == "falcon" and config.multi_query and not config.new_decoder_architecture:
        sizes |= {"num_attention_heads": 1, "token_dim": config.head_dim}
    return sizes


def targets(model: Any, family: Family, wanted: str | Sequence[str]) -> str | list[str]:
    """What LoraConfig takes for `target_modules`. Raises ConfigError for a name that no module of the base has."""
    if wanted == FAMILY:
        wanted = list(family.targets) or "all-linear"
    if isinstance(wanted, str):
        return wanted
    names = [name for name, _ in model.named_modules()]
    for target in wanted:
        if not any(name == target or name.endswith(f".{target}") for name in names):
            layers = sorted({name.rpartition(".")[2] for name, part in model.named_modules() if _has_weight(part)})
            near = difflib.get_close_matches(target, layers, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ConfigError(
                f"train.lora.target_modules: the base has no module {target!r}",
                where="params.yaml",
                remedy=f"{hint}It has {', '.join(layers)}; all-linear takes every one that fits",
            )
    return list(wanted)


def _check_saved(model: Any, option: str, wanted: Sequence[str]) -> None:
    """Raise ConfigError for a module that the base does not have, or that is no numbers to be trained."""
    for name in wanted:
        found = [part for at, part in model.named_modules() if at == name or at.endswith(f".{name}")]
        if not found:
            raise ConfigError(f"{option}: the base has no module {name!r}", where="params.yaml")
        if not all(weight.is_floating_point() for part in found for weight in part.parameters()):
            raise ConfigError(
                f"{option}: {name} is quantised, and so it cannot be trained as a whole",
                where="params.yaml",
                remedy="Leave it out, or set model.quantization=null",
            )


def _has_weight(module: Any) -> bool:
    return getattr(getattr(module, "weight", None), "ndim", 0) == 2 and not list(module.children())


def _again(model: Any, method: str, adapter: Path, lora: Mapping[str, Any]) -> Any:
    """The same adapter, on the base as it was quantised for it: nothing is merged, so nothing is rounded again."""
    check_adapter(adapter)
    had = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    if method != "lora" or had["peft_type"] != "LORA":
        raise ConfigError(
            f"train.adapter is a {had['peft_type']} adapter and train.method is {method}: only LoRA is trained on",
            remedy="A prefix is stored without the network that made it. For another method, merge the adapter and "
            "make the merged folder model.base",
        )
    changed = [key for key in ("r", "lora_alpha") if key in lora and lora[key] != had.get(key)]
    if changed:
        log.warning("train.lora.%s has no effect: train.adapter has its own", ", train.lora.".join(changed))
    model = with_adapter(model, adapter, trainable=True)
    if not (adapter / "extractor.json").is_file():  # which names the base
        check_covered(model, adapter)
    return model


def save(
    model: Any, method: str, base: Base, base_name: str, target: Path, weights: Mapping[str, Any] | None = None
) -> None:
    """What was trained, in safetensors: an adapter, or for `full` a model folder of its own, tokenizer included.

    `weights`: the trained ones by name, where the model does not hold them whole.
    """
    if method != "full":
        save_adapter(model, target, base_name, weights)
        return
    save_model(model, base, target, weights)


def save_model(model: Any, base: Base, target: Path, weights: Mapping[str, Any] | None = None) -> None:
    """A whole model: its weights, or these, in the type of the base's, with the base's other files."""
    origin = Path(base.path)
    config = json.loads((origin / "config.json").read_text(encoding="utf-8"))
    kind = getattr(torch, str(config.get("dtype") or config.get("torch_dtype") or "float32"))
    shutil.rmtree(target, ignore_errors=True)
    if weights is None:
        model.to(kind).save_pretrained(target)
    else:
        held = {**{name: b for name, b in model.named_buffers() if name in model.state_dict()}, **weights}
        model.config.dtype = kind
        model.save_pretrained(target, state_dict={name: tensor.to(kind) for name, tensor in held.items()})
    for path in sorted(origin.iterdir()):
        small = path.suffix in (".json", ".jinja", ".model", ".txt", ".tiktoken", ".py")
        if small and not path.name.endswith(".index.json") and path.name != "extractor.json":
            shutil.copyfile(path, target / path.name)


def options(kind: Any, section: str, values: Mapping[str, Any]) -> Any:
    """An instance of a Hugging Face options class. Raises ConfigError naming the section of params.yaml."""
    known = list(kind.__dataclass_fields__)
    if strange := [key for key in values if key not in known]:
        raise unknown(section, strange[0], known, kind.__name__)
    try:
        return kind(**values)
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"{section}: {str(exc).splitlines()[0]}", where="params.yaml") from exc
