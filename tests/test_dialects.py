"""Settings of other projects, retyped, as a preset."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from extune.config import Config, load
from extune.dialects import IGNORED, JOINT, NAMES
from extune.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]


def given(folder: Path, values: dict[str, Any], kind: str = "yaml", told: tuple[str, int] = ("NER", 6)) -> Config:
    """`told`: what the rows say, where the settings leave it to them."""
    path = folder / f"theirs.{kind}"
    path.write_text(json.dumps(values) if kind == "json" else yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return load(ROOT / "params.yaml", str(path), told=lambda *_: told)


DEEPKE = {
    "output_dir": "lora/llama2-7b-chat-v1", "do_train": True, "do_eval": True, "overwrite_output_dir": True,
    "stage": "sft", "model_name_or_path": "models/llama2-7b-chat", "model_name": "llama", "template": "llama2",
    "train_file": "data/NER/train.json", "valid_file": "data/dev.json", "val_set_size": 100,
    "per_device_train_batch_size": 2, "per_device_eval_batch_size": 2, "gradient_accumulation_steps": 4,
    "preprocessing_num_workers": 16, "num_train_epochs": 10, "learning_rate": "5e-5", "max_grad_norm": 0.5,
    "optim": "adamw_torch", "max_source_length": 400, "cutoff_len": 700, "max_target_length": 300,
    "evaluation_strategy": "epoch", "save_strategy": "epoch", "save_total_limit": 10, "lora_r": 8, "lora_alpha": 16,
    "lora_dropout": 0.05, "bf16": True, "bits": 4,
}  # fmt: skip


def test_deepkes_fine_tuning_file(tmp_path: Path) -> None:
    found = given(tmp_path, DEEPKE)
    assert (found.model.base, found.model.template, found.data.source) == (
        "models/llama2-7b-chat", "llama2", "data/NER/train.json",
    )  # fmt: skip
    assert found.model.quantization["load_in_4bit"]
    assert not found.model.quantization["load_in_8bit"]
    assert {k: found.train.lora[k] for k in ("r", "lora_alpha", "lora_dropout", "target_modules")} == {
        "r": 8, "lora_alpha": 16, "lora_dropout": 0.05, "target_modules": "family",
    }  # fmt: skip
    wanted = {
        "max_length": 700, "num_train_epochs": 10, "per_device_train_batch_size": 2, "learning_rate": 5e-5,
        "gradient_accumulation_steps": 4, "max_grad_norm": 0.5, "optim": "adamw_torch",
    }  # fmt: skip
    assert wanted.items() <= found.train.sft.items()
    assert found.decode.max_new_tokens == 300


def test_one_line_lists_every_key_that_is_ignored_under_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        given(tmp_path, DEEPKE | {"wandb": "x"})
    (line,) = [record.getMessage() for record in caplog.records]
    groups = dict(re.findall(r"([\w][\w, ]*) \(([^)]+)\)", line.partition("ignored ")[2]))
    listed = [key.strip() for keys in groups for key in keys.split(",")]
    used = {"stage", "cutoff_len", "bits", "max_target_length"} | {key for key in DEEPKE if key in NAMES}
    assert sorted(listed) == sorted(DEEPKE.keys() - used | {"wandb"})
    assert len(set(groups.values())) == len(groups), "a reason stands once"
    assert groups["wandb"] == "no such parameter is known"
    assert groups["bf16"] == "the hardware chooses the type"
    assert "output_dir, overwrite_output_dir" in groups


def test_lora_is_told_where_another_method_trains_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for other in ({"finetuning_type": "full"}, {"pre_seq_len": 16}):
        caplog.clear()
        found = given(tmp_path, DEEPKE | other)
        assert found.train.lora["r"] == 16  # that of params.yaml
        assert "lora_r, lora_alpha, lora_dropout (no LoRA is trained by this method)" in caplog.text


@pytest.mark.parametrize(
    ("theirs", "ours", "told"),
    [
        ({"save_steps": 30, "save_total_limit": 3}, (30, 3, 0.1), ""),
        ({"save_strategy": "steps", "save_steps": 30}, (30, 2, 0.1), ""),
        ({"save_strategy": "epoch", "save_total_limit": 9}, (50, 2, 0.1), "save_total_limit, save_strategy ("),
        ({"save_steps": 0.1, "save_total_limit": 0}, (50, 2, 0.1), "save_steps, save_total_limit ("),
        ({"val_set_size": 0.2}, (50, 2, 0.2), ""),
        ({"val_set_size": 0}, (50, 2, 0.0), ""),
        ({"val_set_size": 100}, (50, 2, 0.1), "val_set_size ("),
        ({"val_set_size": 0.2, "valid_file": "dev.json"}, (50, 2, 0.1), "val_set_size, valid_file ("),
    ],
)
def test_checkpoints_by_steps_and_a_share_for_dev_are_taken_and_other_ways_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, theirs: dict[str, Any], ours: tuple[Any, ...], told: str
) -> None:
    found = given(tmp_path, {"lora_rank": 4} | theirs)
    assert (found.train.checkpoint.steps, found.train.checkpoint.keep, found.data.split.dev) == ours
    assert told in caplog.text
    assert bool(caplog.records) == bool(told)


@pytest.mark.parametrize(("theirs", "ours"), [("fp32", "float32"), ("bf16", "bfloat16"), ("float16", "float16")])
def test_names_of_types_become_torchs(tmp_path: Path, theirs: str, ours: str) -> None:
    assert given(tmp_path, {"compute_dtype": theirs}).model.quantization["bnb_4bit_compute_dtype"] == ours


def test_continuing_and_full_fine_tuning(tmp_path: Path) -> None:
    more = {"model_name_or_path": "models/OneKE", "template": "llama2_zh", "deeepspeed": "configs/ds.json"}
    found = given(tmp_path, DEEPKE | more | {"checkpoint_dir": "zjunlp/llama2-13b-iepile-lora"})
    assert found.train.adapter == "zjunlp/llama2-13b-iepile-lora"
    assert found.train.sft["deepspeed"] == "configs/ds.json"
    full = {k: v for k, v in DEEPKE.items() if k not in ("bits", "lora_r", "lora_alpha")}
    found = given(tmp_path, full | {"finetuning_type": "full", "model_name": "vicuna"})
    assert (found.train.method, found.model.family) == ("full", "vicuna")
    assert found.model.quantization["load_in_4bit"] is False  # their default is 16 bits


def test_deepkes_defaults_where_a_key_is_left_out(tmp_path: Path) -> None:
    found = given(tmp_path, {"model_name": "qwen2", "model_name_or_path": "m", "lora_r": 64, "bits": 8})
    assert found.train.lora["lora_alpha"] == 128
    assert (found.model.quantization["load_in_4bit"], found.model.quantization["load_in_8bit"]) == (False, True)


def test_p_tuning(tmp_path: Path) -> None:
    found = given(
        tmp_path,
        {
            "train_path": "data/train.json", "model_dir": "/model", "num_train_epochs": 20, "train_batch_size": 2,
            "gradient_accumulation_steps": 1, "output_dir": "output_dir_pt", "log_steps": 10, "max_len": 768,
            "max_src_len": 450, "pre_seq_len": 16, "prefix_projection": True,
        },
    )  # fmt: skip
    assert found.train.method == "prefix"
    assert found.train.prefix == {"num_virtual_tokens": 16, "prefix_projection": True}
    assert (found.train.sft["max_length"], found.train.sft["logging_steps"]) == (768, 10)


@pytest.mark.parametrize(("mode", "task", "split_num"), [("train", "NER", 6), ("hard_train", "SPO", 4)])
def test_deepkes_conversion_file(tmp_path: Path, mode: str, task: str, split_num: int) -> None:
    part = {"schema_path": "data/NER/schema.json", "language": "zh", "random_sort": True, "split": "train"}
    ner = part | {"src_path": "data/NER/sample.json", "tgt_path": "data/NER/train.json", "task": "NER", "split_num": 6}
    spo = ner | {"task": "SPO", "split_num": 4, "cluster_mode": True, "hard_negative_path": "data/hard.json"}
    found = given(tmp_path, {"mode": mode, "train": ner, "test": ner, "hard_train": spo})
    assert (found.task.name, found.task.split_num, found.task.language) == (task, split_num, "zh")
    assert found.task.shuffle
    assert found.data.source == "data/NER/sample.json"
    assert found.data.schema_file == "data/NER/schema.json"
    assert found.task.hard_negatives == ("data/hard.json" if mode == "hard_train" else None)


def test_the_json_file_and_flags_of_chatglm3_qlora(tmp_path: Path) -> None:
    arguments = {
        "output_dir": "saved_files/chatglm3-6b_QLoRA", "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 8, "per_device_eval_batch_size": 4, "learning_rate": 1e-3,
        "num_train_epochs": 1.0, "lr_scheduler_type": "linear", "warmup_ratio": 0.1, "logging_steps": 5,
        "save_strategy": "steps", "save_steps": 500, "evaluation_strategy": "steps", "eval_steps": 500,
        "optim": "adamw_torch", "fp16": False, "remove_unused_columns": False, "ddp_find_unused_parameters": False,
        "seed": 7,
    }  # fmt: skip
    flags = {
        "train_data_path": "../data/train.jsonl", "eval_data_path": "../data/dev.jsonl",
        "model_name_or_path": "chatglm3-6b/", "max_input_length": 1024, "max_output_length": 512, "lora_rank": 4,
        "lora_dim": 8,
    }  # fmt: skip
    found = given(tmp_path, arguments | flags, "json")
    assert (found.seed, found.train.lora["r"], found.model.base) == (7, 4, "chatglm3-6b/")
    assert (found.train.sft["max_length"], found.decode.max_new_tokens) == (1536, 512)
    assert (found.train.sft["warmup_steps"], found.train.sft["lr_scheduler_type"]) == (0.1, "linear")
    assert found.model.quantization["load_in_4bit"]
    assert given(tmp_path, arguments, "json").train.sft["learning_rate"] == 1e-3


def test_the_flags_of_chatglm_triples_and_the_tables_of_the_graph_project(tmp_path: Path) -> None:
    found = given(
        tmp_path,
        {
            "quantization": {"load_in_4bit": True, "bnb_4bit_compute_dtype": "float16"},
            "lora": {"lora_r": 8, "lora_alpha": 32, "lora_dropout": 0.1, "target_modules": ["query_key_value"]},
            "training": {"train_file": "t.jsonl", "warmup_steps": 100, "learning_rate": 2e-4},
        },
    )  # fmt: skip
    assert found.train.lora["target_modules"] == ["query_key_value"]
    assert found.model.quantization["bnb_4bit_compute_dtype"] == "float16"
    assert found.train.sft["warmup_steps"] == 100
    found = given(
        tmp_path,
        {
            "model_id": "qwen/Qwen2.5-7B-Instruct", "max_seq_length": 2048, "load_in_4bit": True, "lora_r": 4,
            "lora_alpha": 4, "lora_dropout": 0.1, "target_modules": "q_proj, k_proj", "max_steps": 100,
            "per_device_train_batch_size": 1, "gradient_accumulation_steps": 32, "learning_rate": 2e-4,
        },
    )  # fmt: skip
    assert (found.train.sft["max_length"], found.train.sft["max_steps"]) == (2048, 100)
    assert found.train.lora["target_modules"] == ["q_proj", "k_proj"]


def test_the_flags_of_baichuan_prediction(tmp_path: Path) -> None:
    found = given(
        tmp_path,
        {
            "model_name": "baichuan", "base_model": "./model_hub/baichuan-7B", "with_prompt": True,
            "tokenizer_path": "./model_hub/baichuan-7B", "lora_model": "./checkpoint/baichuan/adapter_model",
        },
    )  # fmt: skip
    assert found.model.base == "./model_hub/baichuan-7B"
    assert found.train.adapter == "./checkpoint/baichuan/adapter_model"
    assert found.model.quantization["load_in_4bit"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stage": "dpo", "bits": 4}, "stage: 'dpo' is not done"),
        ({"finetuning_type": "freeze"}, "'freeze' is not done"),
        ({"bits": 6}, r"bits: 6 is no width that a base can have\. Use 4 or 8"),
        (
            {"checkpoint_dir": "lora/old", "resume_lora_training": False},
            r"a new adapter on top of an old one.*extune merge OLD FOLDER",
        ),
    ],
)
def test_what_is_not_done_here_is_refused(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        given(tmp_path, values)


def test_the_usual_way_to_resume_is_what_is_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for values in ({"checkpoint_dir": "lora/old", "resume_lora_training": True}, {"resume_lora_training": False}):
        given(tmp_path, values | {"lora_rank": 4})
    assert not caplog.records


def test_several_adapters_arrive_as_they_are_written(tmp_path: Path) -> None:
    for several in ("lora/a,lora/b", ["lora/a", "lora/b"]):
        assert given(tmp_path, {"checkpoint_dir": several}).train.adapter == "lora/a,lora/b"


def test_presets_of_our_own_are_left_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in (ROOT / "presets").glob("*.yaml"):
        load(ROOT / "params.yaml", str(path))
    assert given(tmp_path, {"seed": 3, "train": {"sft": {"max_length": 9}}}).train.sft["max_length"] == 9
    assert not caplog.records
    with pytest.raises(ConfigError, match=r"unknown key 'train.learning_rate'"):
        given(tmp_path, {"train": {"learning_rate": 3}})
    with pytest.raises(ConfigError, match=r"unknown key 'lerning_rate'"):
        given(tmp_path, {"lerning_rate": 3})


def test_no_key_has_two_fates() -> None:
    assert not NAMES.keys() & IGNORED.keys()
    assert not NAMES.keys() & JOINT
    assert not IGNORED.keys() & JOINT
