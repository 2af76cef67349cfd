"""The sections of params.yaml as frozen types: every key, its default and its bounds."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Passed = dict[str, Any]

TYPED = ("bnb_4bit_compute_dtype", "bnb_4bit_quant_storage")
DTYPES = {"fp32": "float32", "float": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"}
"""Names that others have for torch's types."""


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
    language: Literal["auto", "zh", "en"] = "auto"
    split_num: int = Field(-1, ge=-1)
    negatives: float = Field(1.0, ge=0, le=1)
    hard_negatives: str | None = None
    empty_ratio: float | None = Field(None, ge=0)
    shuffle: bool = False
    examples: int = Field(0, ge=0)
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

    @field_validator("quantization")
    @classmethod
    def _torch_names(cls, given: Passed) -> Passed:
        """Types by torch's own names, which are the only ones that BitsAndBytesConfig knows."""
        types = {key: given[key] for key in TYPED if isinstance(given.get(key), str)}
        names = {key: name.removeprefix("torch.") for key, name in types.items()}
        return {**given, **{key: DTYPES.get(name, name) for key, name in names.items()}}


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

    `packed`: rows end to end. `cache`: a dense copy of the 4-bit layers. `prefixes`: what rows begin with in common is
    computed once. `recompute`: so many layers are computed again in the backward pass. `tokens`: the most in a piece.
    """

    packed: bool | Literal["auto"] = "auto"
    cache: bool | Literal["auto"] = "auto"
    fused: bool | Literal["auto"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    graphs: bool | Literal["auto"] = "auto"
    prefixes: bool | Literal["auto"] = "auto"
    recompute: Annotated[int, Field(ge=0)] | Literal["auto", "all"] = "auto"
    tokens: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"


class Train(Section):
    """Passed on: `sft` to SFTConfig, `lora` to LoraConfig, `prefix` to PrefixTuningConfig.

    `adapter`: one to train on, see stages/continuing.py. `processes`: on this machine; auto: one for each GPU.
    """

    method: Literal["lora", "full", "prefix"] = "lora"
    adapter: str | None = None
    max_dropped: float = Field(0.01, ge=0, le=1)
    lora: Passed = Field(default_factory=dict)
    prefix: Passed = Field(default_factory=dict)
    sft: Passed = Field(default_factory=dict)
    speed: Speed = Speed()
    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
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
