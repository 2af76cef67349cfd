"""params.yaml, a preset and --set overrides become one typed, frozen value; an unknown key is an error.

`train.sft`, `train.lora`, `train.prefix` and `model.quantization` are handed to SFTConfig, LoraConfig,
PrefixTuningConfig and BitsAndBytesConfig; options.py checks them.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from .dialects import in_our_names
from .errors import ConfigError
from .sections import (
    Augment,
    Data,
    Decode,
    Evaluate,
    Gate,
    Generate,
    Limits,
    Model,
    Section,
    Task,
    Tracking,
    Train,
)


class Config(Section):
    """All of params.yaml."""

    seed: int = 42
    generate: Generate = Generate()
    data: Data
    augment: Augment = Augment()
    inspect: Limits = Limits()
    task: Task = Task()
    model: Model = Model()
    train: Train = Train()
    decode: Decode = Decode()
    evaluate: Evaluate = Evaluate()
    gate: Gate = Gate()
    tracking: Tracking = Tracking()


Told = Callable[[Data, str], tuple[str, int]]


def load(
    params: Path | str = "params.yaml",
    preset: str | None = None,
    overrides: Iterable[str] = (),
    told: Told | None = None,
) -> Config:
    """params.yaml, the preset laid over it, then `key=value` overrides (several may stand in one text).

    `told`: from the data and task.name, what task.name and task.split_num are where they are `auto`; without it the
    task stays unknown, and all labels are asked at once. Raises ConfigError, naming the nearest key.
    """
    values = read_yaml(params)
    if preset:
        path = preset_path(preset, Path(params).parent)
        values = merge(values, in_our_names(read_yaml(path), frozenset(Config.model_fields), str(path)))
    for text in overrides:
        for override in filter(None, re.split(r"\s+(?=[\w.]+=)", text.strip())):
            values = merge(values, parse_override(override))
    return parse(_with_told(values, told, str(params)), str(params))


def _with_told(values: Mapping[str, Any], told: Told | None, where: str) -> Mapping[str, Any]:
    """The settings, without the `auto` of what the rows tell."""
    asked = values.get("task") or {}
    left = [key for key in ("name", "split_num") if asked.get(key) == "auto"]
    if not left:
        return values
    typed = merge(values, {"task": {"split_num": -1}}) if "split_num" in left else values
    if told is None:
        return typed
    config = parse(typed, where)
    name, split_num = told(config.data, config.task.name)
    found = {"name": name, "split_num": split_num}
    return merge(values, {"task": {key: found[key] for key in left}})


def project_root(start: Path | None = None) -> Path:
    """The nearest folder upwards that holds an MLproject file; the current one if none does."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "MLproject").is_file()), here)


def preset_path(preset: str, root: Path) -> Path:
    """`presets/NAME.yaml` below the project root, or a path given as one."""
    path = Path(preset) if preset.endswith((".yaml", ".yml", ".json")) else root / "presets" / f"{preset}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in (root / "presets").glob("*.yaml"))
        raise ConfigError(f"no preset {preset!r}", remedy=f"Known presets: {', '.join(known) or 'none'}")
    return path


class Loader(yaml.SafeLoader):
    """PyYAML alone takes `1e-3` for text; a learning rate written so must be a number."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(path: Path | str) -> dict[str, Any]:
    """A YAML mapping. Raises ConfigError if it is missing or not one."""
    try:
        values = yaml.load(Path(path).read_text(encoding="utf-8"), Loader)
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(
            "file not found", where=str(path), remedy="Run inside the project, where params.yaml lies"
        ) from None
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = str(getattr(exc, "problem", exc)).splitlines()[0]
        raise ConfigError(f"not YAML ({reason})", where=f"{path}{line}") from None
    except UnicodeDecodeError as exc:
        raise ConfigError(f"not UTF-8 ({exc.reason})", where=str(path)) from None
    if not isinstance(values, dict):
        raise ConfigError("not a mapping", where=str(path))
    return values


def parse_override(text: str) -> dict[str, Any]:
    """`a.b=1` as a nested mapping; the value is read as YAML."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError(f"--set {text!r} is not key=value", remedy="For example --set train.lora.r=16")
    try:
        nested: Any = yaml.load(value, Loader)
    except yaml.YAMLError:
        raise ConfigError(f"--set {text!r}: the value is not YAML") from None
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return dict(nested)


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`, mapping by mapping; null empties a mapping."""
    result = dict(under)
    for key, value in over.items():
        if isinstance(result.get(key), Mapping) and value is None:
            result[key] = {}
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


def parse(values: Mapping[str, Any], where: str = "params.yaml") -> Config:
    """Typed configuration from plain values. Raises ConfigError for the first thing that is wrong."""
    try:
        return Config.model_validate(values)
    except ValidationError as exc:
        error = exc.errors()[0]
        path = [str(part) for part in error["loc"]]
        if error["type"] == "extra_forbidden":
            raise _unknown_key(path, where) from None
        raise ConfigError(f"{'.'.join(path)}: {error['msg']} (got {error['input']!r})", where=where) from None


def _unknown_key(path: list[str], where: str) -> ConfigError:
    section: Any = Config
    for part in path[:-1]:
        section = section.model_fields[part].annotation
    known = [field.alias or name for name, field in section.model_fields.items()]
    near = difflib.get_close_matches(path[-1], known, 1, 0.4)
    prefix = ".".join(path[:-1])
    hint = (
        f"Did you mean {'.'.join(filter(None, (prefix, near[0])))!r}?"
        if near
        else f"Known keys here: {', '.join(known)}"
    )
    return ConfigError(f"unknown key {'.'.join(path)!r}", where=where, remedy=hint)
