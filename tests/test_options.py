"""Options for the libraries: what cannot be meant is one line that names them, what can be meant passes."""

from pathlib import Path
from typing import Any

import pytest

from extune.config import Config, load, merge, parse, parse_override
from extune.errors import ConfigError
from extune.options import SHIPPED, changed, check, strange

PROJECT = Path(__file__).resolve().parents[1]
typed = pytest.mark.integration  # the libraries are imported, which takes seconds


def configured(*overrides: str) -> Config:
    values: dict[str, Any] = {"data": {"source": "x"}}
    values = merge(values, {"model": {"quantization": SHIPPED["model.quantization"]}})
    values = merge(values, {"train": {name: SHIPPED[f"train.{name}"] for name in ("lora", "prefix", "sft")}})
    for override in overrides:
        values = merge(values, parse_override(override))
    return parse(values)


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        check(configured(*overrides))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_shipped_is_params_yaml_and_needs_no_library() -> None:
    config = load(PROJECT / "params.yaml")
    given = {f"train.{name}": getattr(config.train, name) for name in ("lora", "prefix", "sft")}
    given["model.quantization"] = config.model.quantization
    assert given == SHIPPED
    assert not any(strange(name, values) or changed(name, values) for name, values in given.items())
    check(config)


def test_another_number_is_what_the_user_has_set_and_needs_no_library() -> None:
    assert strange("train.sft", {"learning_rate": 3e-5, "max_steps": 7}) == []
    assert changed("train.sft", {"learning_rate": 3e-5, "max_steps": -1}) == ["learning_rate"]
    assert strange("train.sft", {"learning_rate": "3", "lr_scheduler_type": "linear", "max_steps": True}) == [
        "learning_rate", "lr_scheduler_type", "max_steps",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.sft.per_device_train_batch_size=0", "per_device_train_batch_size is 0. It should be 1 or more"),
        ("train.sft.max_length=0", "max_length is 0. It should be 1 or more"),
        ("train.sft.num_train_epochs=0", "num_train_epochs is 0. It should be above 0, or train.sft.max_steps"),
        ("train.sft.learning_rate=.inf", "learning_rate is Infinity. It should be a finite number"),
        ("train.sft.learning_rate=-1.0", "learning_rate is -1.0. It should be 0 or more"),
        ("train.sft.logging_steps=0", "logging_steps is 0. It should be above 0"),
        ("train.lora.r=0", "train.lora.r is 0"),
        ("train.lora.lora_dropout=1.0", "lora_dropout is 1.0. It should be 0 or more, and below 1"),
        ("train.prefix.num_virtual_tokens=0", "train.prefix.num_virtual_tokens is 0"),
        ("train.method=full", "Set model.quantization=null, or train.method=lora"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(override: str, said: str) -> None:
    assert said in refusal(override)


def test_no_epochs_are_right_beside_steps_and_a_prefix_needs_its_length() -> None:
    check(configured("train.sft.num_train_epochs=0", "train.sft.max_steps=5"))
    assert "num_virtual_tokens is null" in refusal("train.method=prefix", "train.prefix=null")


@pytest.mark.parametrize("name", ["bf16", "torch.bfloat16", "bfloat16"])
def test_a_type_has_torchs_name_wherever_it_goes(name: str) -> None:
    given = configured(f"model.quantization.bnb_4bit_compute_dtype={name}").model.quantization
    assert given["bnb_4bit_compute_dtype"] == "bfloat16"
    assert given["bnb_4bit_quant_type"] == "nf4"


@typed
def test_other_names_of_types_are_taken() -> None:
    for name in ("fp32", "float", "fp16", "half", "bf16", "torch.float32"):
        for key in ("bnb_4bit_compute_dtype", "bnb_4bit_quant_storage"):
            check(configured(f"model.quantization.{key}={name}"))


@typed
@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.quantization.load_in_4bit=yeah", 'load_in_4bit is "yeah". load_in_4bit must be a boolean'),
        ("model.quantization.bnb_4bit_use_double_quant=3", "bnb_4bit_use_double_quant is 3"),
        ("model.quantization.bnb_4bit_quant_storage=nope", 'model.quantization.bnb_4bit_quant_storage is "nope"'),
        ("model.quantization.bnb_4bit_compute_dtype=3", "is 3. It should be bfloat16, float16 or float32"),
        ("model.quantization.bnb_4bit_compute_dtype=int8", 'bnb_4bit_compute_dtype is "int8"'),
        ("model.quantization.bnb_4bit_quant_type=nf5", "Set it to nf4 or fp4"),
        ("model.quantization.load_in_8bit=true", "4 and for 8 bit"),
        ("model.quantization.load_in_8bits=true", "Did you mean 'load_in_8bit'?"),
        ("model.quantization.kwargs=1", "unknown key 'model.quantization.kwargs'"),
        ("train.sft.max_length=null", "train.sft.max_length is null. It should be 1 or more"),
        ("train.sft.per_device_train_batch_size=four", "It should be a valid integer"),
        ("train.sft.learning_rate=fast", 'train.sft.learning_rate is "fast". It should be a valid number'),
        ("train.sft.seed=true", "train.sft.seed is true"),
        ("train.sft.lr_scheduler_type=cosinus", "Did you mean 'cosine'?"),
        ("train.sft.lr_scheduler_type=reduce_lr_on_plateau", "It needs an evaluation set"),
        ("train.sft.logging_strategy=no", "write 'no'"),
        ("train.sft.train_sampling_strategy=sequential", "Known: random, group_by_length"),
        ("train.sft.parallelism_config=x", "it takes a ParallelismConfig"),
        ("train.sft.learning_rat=1", "Did you mean 'learning_rate'?"),
        ("train.lora.r=four", 'train.lora.r is "four"'),
        ("train.lora.modules_to_save=lm_head", "It should be a valid array"),
        ("train.lora.bias=some", "It should be 'none', 'all' or 'lora_only'"),
        ("train.lora.inference_mode=true", "follows from the method and the base"),
        ("train.prefix.prefix_projection=3", "It should be a valid boolean"),
        ("train.prefix.token_dim=7", "Leave it out"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_full_name(override: str, said: str) -> None:
    assert said in refusal(override)


@typed
def test_what_the_libraries_take_passes() -> None:
    check(
        configured(
            "train.sft={fsdp: true, optim: paged_adamw_32bit, neftune_noise_alpha: null, warmup_steps: 0.1,"
            " lr_scheduler_kwargs: {a: 1}, optim_args: a=1, deepspeed: {a: 1}, bf16: null, gradient_accumulation_steps: 4}",
            "train.lora={init_lora_weights: pissa_niter_4, target_modules: [a], modules_to_save: [a], use_dora: true,"
            " rank_pattern: {a: 3}, loftq_config: {a: 1}, layers_to_transform: 3, alora_invocation_tokens: null}",
            "train.prefix={encoder_hidden_size: 64, init_weights: zero}",
            "model.quantization={llm_int8_threshold: 5.0, llm_int8_skip_modules: [a], bnb_4bit_compute_dtype: null}",
        )
    )
    assert "bf16 and fp16" in refusal("train.sft={bf16: true, fp16: true}")
