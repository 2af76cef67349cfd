"""An adapter on disk: put into a base, each weight in its place, and written again."""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers.integrations import is_deepspeed_zero3_enabled

from .errors import ModelError


def check_adapter(folder: Path) -> None:
    """Raise ModelError unless the folder holds an adapter in safetensors."""
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / name).is_file():
            raise ModelError(f"no {name} in {folder}", remedy="Run `dvc repro train`, or `dvc checkout` to restore it")


def with_adapter(model: Any, folder: Path, trainable: bool = False) -> Any:
    """A base with the adapter of a folder in it, as a PeftModel.

    Raises ModelError where not every weight finds its place and every place its weight: PEFT would go on with those
    that do. https://huggingface.co/docs/peft/package_reference/peft_model#peft.PeftModel.load_adapter
    """
    from peft import PeftConfig, get_peft_model

    check_adapter(folder)
    config = PeftConfig.from_pretrained(str(folder))
    config.inference_mode = not trainable
    config.base_model_name_or_path = None  # PEFT puts the base's name there, and warns if another one was
    try:
        model = get_peft_model(model, config)
        found = model.load_adapter(str(folder), "default", is_trainable=trainable)
    except (RuntimeError, ValueError, KeyError) as exc:
        lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
        details = lines[1:] or lines  # of several lines the first only says that there are errors
        reason = f"it lacks {exc}" if isinstance(exc, KeyError) else details[0].rstrip(".")
        raise _unfit(folder, reason) from exc
    if config.is_prompt_learning:
        _check_depth(config.num_layers, decoder_layers(model.config), folder)
        if reason := refused(model):
            raise _unfit(folder, reason)
        return model
    if found.missing_keys or found.unexpected_keys:
        _check_depth(_depth_of(folder), _depth(name for name, _ in model.named_parameters()), folder)
        told = (("without a place in the base", found.unexpected_keys), ("lacking for the base", found.missing_keys))
        raise _unfit(folder, "; ".join(f"{len(keys)} weights {what}, {keys[0]} first" for what, keys in told if keys))
    return model


def check_covered(model: Any, folder: Path) -> None:
    """Raise ModelError where an adapter from elsewhere, put into a base, leaves its last layers as they are.

    PEFT may write `all-linear` as the names of all modules. Of a deeper base these are some, and nothing is lacking.
    """
    config = model.active_peft_config
    if config.layers_to_transform is None and not isinstance(config.target_modules, str):
        _check_depth(_depth_of(folder), _depth(name for name, _ in model.named_parameters()), folder)


def _unfit(folder: Path, reason: str) -> ModelError:
    return ModelError(
        f"the adapter does not fit the base: {reason}",
        where=str(folder),
        remedy="Take the base it was trained on: as model.base, or as EXTUNE_BASE where it is served",
    )


def _check_depth(had: int | None, has: int | None, folder: Path) -> None:
    if had is not None and has is not None and had != has:
        raise _unfit(folder, f"it is of a model with {had} layer{'s' * (had > 1)}, this base has {has}")


def _depth_of(folder: Path) -> int | None:
    with safe_open(folder / "adapter_model.safetensors", "pt") as weights:
        return _depth(weights.keys())


def _depth(names: Iterable[str]) -> int | None:
    """Layers that weights are of, None if their names do not number them."""
    numbers = [int(found[1]) for name in names if (found := re.search(r"\.(\d+)\.", name))]
    return max(numbers) + 1 if numbers else None


def decoder_layers(config: Any) -> int | None:
    """Layers of the part that writes: of an encoder-decoder model there may be more of them, or fewer."""
    text = config.get_text_config()
    names = ("num_decoder_layers", "num_hidden_layers", "num_layers")
    return next((getattr(text, name) for name in names if getattr(text, name, None)), None)


def refused(model: Any) -> str:
    """Why a model with a prefix cannot be run, empty if it can.

    PEFT makes the prefix by what the base's configuration says of its heads. Not all of them say it; two tokens tell.
    """
    if is_deepspeed_zero3_enabled():  # no process holds the weights whole
        return ""
    ids = torch.zeros(1, 2, dtype=torch.long, device=model.device)
    given = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    # In training mode, since on CPUs the other one repacks 4-bit weights; its dropout must move no later number.
    with torch.random.fork_rng([model.device] if model.device.type == "cuda" else []), torch.no_grad():
        try:
            model.train()(input_ids=ids, attention_mask=torch.ones_like(ids), **given)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError) as exc:
            return str(exc).strip().splitlines()[0]
        finally:
            model.eval()
    return ""


def save_adapter(model: Any, target: Path, base: str, weights: Mapping[str, Any] | None = None) -> None:
    """The adapter as safetensors; its configuration names no path, so equal adapters have equal bytes.

    `weights`: the trained ones by name, where the model does not hold them whole.
    """
    shutil.rmtree(target, ignore_errors=True)
    model.save_pretrained(target, state_dict=weights)
    (target / "README.md").unlink(missing_ok=True)
    path = target / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": base}
    lists = {key: sorted(value) for key, value in config.items() if isinstance(value, list)}
    path.write_text(json.dumps(config | lists, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
