"""params.yaml, a preset and --set overrides become one typed, frozen value; an unknown key is an error.

`train.sft`, `train.lora` and `model.quantization` are handed unchanged to SFTConfig, LoraConfig and
BitsAndBytesConfig, which check them themselves.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .dialects import in_our_names
from .errors import ConfigError

Passed = dict[str, Any]


class Section(BaseModel):
    """A part of params.yaml: frozen, no key it does not declare."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Split(Section):
    """Shares of the source that become dev and test where it has no such files."""

    dev: float = Field(0.1, ge=0, lt=1)
    test: float = Field(0.1, ge=0, lt=1)


class Augment(Section):
    """The share of train records that get each kind of variant, and the user's synonyms; see augment.py."""

    synonym: float = Field(0.0, ge=0, le=1)
    reorder: float = Field(0.0, ge=0, le=1)
    affix: float = Field(0.0, ge=0, le=1)
    empty: float = Field(0.0, ge=0, le=1)
    typo: float = Field(0.0, ge=0, le=1)
    ocr: float = Field(0.0, ge=0, le=1)
    full_width: float = Field(0.0, ge=0, le=1)
    traditional: float = Field(0.0, ge=0, le=1)
    synonyms_file: str | None = None


class Data(Section):
    """Where labelled text comes from and how it is read."""

    source: str
    reader: str = "auto"
    columns: dict[str, str] = Field(default_factory=dict)
    schema_file: str = Field("auto", alias="schema")
    split: Split = Split()
    grounding: Literal["auto", "always", "never"] = "auto"
    max_bad: float = Field(0.01, ge=0, le=1)


class Limits(Section):
    """The most that data may have of each fault, as shares of 1; None is no limit. `min_per_label` is of train."""

    max_rejected: float | None = Field(None, ge=0, le=1)
    max_not_in_text: float | None = Field(None, ge=0, le=1)
    max_conflicts: float | None = Field(None, ge=0, le=1)
    max_exact_duplicates: float | None = Field(None, ge=0, le=1)
    max_near_duplicates: float | None = Field(None, ge=0, le=1)
    max_leaked_texts: float | None = Field(None, ge=0, le=1)
    max_leaked_items: float | None = Field(None, ge=0, le=1)
    max_over_window: float | None = Field(None, ge=0, le=1)
    max_empty: float | None = Field(None, ge=0, le=1)
    max_unknown_labels: float | None = Field(None, ge=0, le=1)
    min_per_label: int | None = Field(None, ge=1)


class Generate(Section):
    """The synthetic corpus of relation triples."""

    relations: str = "data/relations.yaml"
    train: int = Field(1000, ge=1)
    test: int = Field(120, ge=0)
    chinese: float = Field(0.5, ge=0, le=1)
    empty: float = Field(0.1, ge=0, lt=1)


class Task(Section):
    """What is extracted, and how an answer is spelled."""

    name: str = "RE"
    notation: str = "iepile_json"
    split_num: int = Field(-1, ge=-1)
    negatives: float = Field(1.0, ge=0, le=1)
    hard_negatives: str | None = None
    empty_ratio: float | None = Field(None, ge=0)
    shuffle: bool = False
    examples: int = Field(0, ge=0)
    language: Literal["auto", "zh", "en"] = "auto"
    system: str | None = None
    instruction: dict[str, str] | None = None


class Model(Section):
    """The base model: `embedded`, a Hugging Face id or a folder. `family`, `template`: see families.py."""

    base: str = "embedded"
    revision: str | None = None
    trust_remote_code: bool = False
    family: str = "auto"
    template: str = "auto"
    quantization: Passed = Field(default_factory=dict)


class Checkpoint(Section):
    """A checkpoint after so many optimiser steps, and how many of them stay."""

    steps: int = Field(50, ge=1)
    keep: int = Field(2, ge=1)


class Best(Section):
    """A look at the model every so many steps, or share of an epoch below 1; None: never. See train/best.py.

    It extracts from the first `texts` of dev; after `patience` looks without a higher F1 training stops.
    """

    every: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)] | None = None
    patience: int | None = Field(None, ge=1)
    texts: int = Field(64, ge=1)


class Speed(Section):
    """How training is made fast; auto: by the memory there is. See train/speed.py.

    `packed`: rows end to end. `cache`: a dense copy of the 4-bit layers. `recompute`: so many layers are computed again
    in the backward pass. `tokens`: the most in a piece of a step.
    """

    packed: bool | Literal["auto"] = "auto"
    cache: bool | Literal["auto"] = "auto"
    fused: bool | Literal["auto"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    graphs: bool | Literal["auto"] = "auto"
    recompute: Annotated[int, Field(ge=0)] | Literal["auto", "all"] = "auto"
    tokens: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"


class Train(Section):
    """Passed on: `sft` to SFTConfig, `lora` to LoraConfig, `prefix` to PrefixTuningConfig.

    `adapter`: one to train on, a folder or models:/NAME/N. `processes`: on this machine; auto: one for each GPU.
    """

    method: Literal["lora", "full", "prefix"] = "lora"
    adapter: str | None = None
    prefix: Passed = Field(default_factory=dict)
    sft: Passed = Field(default_factory=dict)
    lora: Passed = Field(default_factory=dict)
    max_dropped: float = Field(0.01, ge=0, le=1)
    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    speed: Speed = Speed()
    checkpoint: Checkpoint = Checkpoint()
    best: Best = Best()


class Decode(Section):
    """How answers are generated."""

    max_new_tokens: int = Field(256, ge=1)
    batch_size: int = Field(32, ge=1)
    constrained: bool = True


class Evaluate(Section):
    """What is measured on the registered version."""

    splits: list[str] = ["dev", "test"]
    resamples: int = Field(1000, ge=1)
    limit: int | None = Field(None, ge=1)


class Gate(Section):
    """What a version has to show before `promote` puts it in Production; see gate.py. null leaves a check out.

    `floors`: lowest figures by name. `max_label_drop`: of F1, for labels with `min_support` gold items. `level`: of
    significance; `better` asks for a significant gain, where else no significant loss is enough. `min_speed`: texts a
    second.
    """

    split: str = "test"
    floors: dict[str, float] = Field(default_factory=dict)
    max_label_drop: float | None = Field(None, ge=0, le=1)
    min_support: int = Field(20, ge=1)
    level: float = Field(0.05, gt=0, lt=1)
    better: bool = False
    max_invented: int | None = Field(0, ge=0)
    min_speed: float | None = Field(None, gt=0)


class Tracking(Section):
    """Names in MLflow; the server itself is chosen by MLFLOW_TRACKING_URI."""

    experiment: str = "extune"
    model: str = "extune"


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


def load(
    params: Path | str = "params.yaml",
    preset: str | None = None,
    overrides: Iterable[str] = (),
) -> Config:
    """params.yaml, the preset laid over it, then `key=value` overrides (several may stand in one text).

    Raises ConfigError, naming the nearest key.
    """
    values = read_yaml(params)
    if preset:
        path = preset_path(preset, Path(params).parent)
        values = merge(values, in_our_names(read_yaml(path), frozenset(Config.model_fields), str(path)))
    for text in overrides:
        for override in filter(None, re.split(r"\s+(?=[\w.]+=)", text.strip())):
            values = merge(values, parse_override(override))
    return parse(values, str(params))


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
