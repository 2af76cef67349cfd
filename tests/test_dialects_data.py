"""DeepKE-LLM's files as a preset, on its own data: the rows that it would train on are asked again."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from extune.deepke.instructions import INSTRUCTIONS

from .test_dialects import DEEPKE, ROOT, given

WORDED = {name: INSTRUCTIONS[name]["zh"] for name in ("NER", "RE", "SPO", "EE", "EET", "KG")}
TEXT = "陈默在岚城大学任教，岚城大学位于岚城。"
ASKED: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "NER": (["人物", "组织"], {"人物": ["陈默"], "组织": ["岚城大学"]}),
    "RE": (["位于", "任职"], {
        "位于": [{"head": "岚城大学", "tail": "岚城"}], "任职": [{"head": "陈默", "tail": "岚城大学"}],
    }),
    "SPO": ([{"subject_type": "人物", "predicate": "任职", "object_type": "组织"}], {
        "任职": [{"subject": "陈默", "object": "岚城大学"}],
    }),
    "EE": ([{"event_type": "任教", "trigger": True, "arguments": ["人物"]}], {
        "任教": [{"trigger": "任教", "arguments": {"人物": "陈默"}}],
    }),
    "EET": (["任教"], {"任教": ["任教"]}),
    "KG": ([{"entity_type": "人物", "attributes": ["任职"]}], {"人物": {"陈默": {"任职": "岚城大学"}}}),
}  # fmt: skip
"""Schema and answer of a row of each task, as the converter writes them."""
SCHEMAS = {
    "NER": [["人物", "组织"], [], {}],
    "RE": [[], ["位于", "任职"], {}],
    "SPO": [["人物_任职_组织"], ["任职"], {}],
    "EE": [["任教"], ["人物"], {"任教": ["人物"]}],
    "EET": [["任教"], [], {"任教": []}],
    "KG": [["人物"], ["任职"], {"人物": ["任职"]}],
}


def row(task: str, named: bool = True) -> dict[str, Any]:
    """One of data/TASK/train.json."""
    schema, answer = ASKED[task]
    asked = {"instruction": WORDED[task], "schema": schema, "input": TEXT}
    found = {"instruction": json.dumps(asked, ensure_ascii=False), "output": json.dumps(answer, ensure_ascii=False)}
    return ({"task": task, "source": task} if named else {}) | found


def deepkes_project(folder: Path, task: str, name: str, rows: list[Any]) -> None:
    """A project with DeepKE's data/TASK/NAME and the schema.json beside it."""
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    (folder / "MLproject").touch()
    data = folder / "data" / task
    data.mkdir(parents=True)
    for file, lines in ((name, rows), ("schema.json", SCHEMAS[task])):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (data / file).write_text(text, encoding="utf-8")


FORMS: dict[str, dict[str, Any]] = {
    "fine_llama": DEEPKE,
    "fine_continue": DEEPKE | {"checkpoint_dir": "zjunlp/llama2-13b-iepile-lora", "model_name_or_path": "models/m"},
    "fine_continue_full": {k: v for k, v in DEEPKE.items() if k not in ("bits", "lora_r")}
    | {"finetuning_type": "full"},
    "fine_pt_chatglm": {"train_path": "", "model_dir": "/model", "max_len": 768, "max_src_len": 450, "pre_seq_len": 16},
}
"""Each of DeepKE's files, but for where its rows lie."""


@pytest.mark.parametrize("form", FORMS)
def test_each_of_deepkes_files_asks_as_deepke_does(tmp_path: Path, form: str) -> None:
    asked = given(tmp_path, FORMS[form], told=("EE", 4)).task
    assert (asked.name, asked.split_num, asked.notation) == ("EE", 4, "iepile_json")
    assert (asked.instruction, asked.system) == ({}, None)


@pytest.mark.parametrize("task", ASKED)
def test_deepkes_file_builds_deepkes_rows_of_its_own_data(
    tmp_path: Path, extune: Callable[..., Any], task: str
) -> None:
    deepkes_project(tmp_path, task, "train.json", [row(task)])
    theirs = DEEPKE | {"train_file": f"data/{task}/train.json"}
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump(theirs), encoding="utf-8")
    words = ("--preset", "theirs.yaml", "--set", "data.split.dev=0 data.split.test=0")
    for stage in ("prepare", "build"):
        done = extune(tmp_path, stage, *words)
        assert done.code == 0, done.err
    (built,) = map(json.loads, (tmp_path / "data/sft/train.jsonl").read_text(encoding="utf-8").splitlines())
    assert built["prompt"] == [{"role": "user", "content": row(task)["instruction"]}]
    assert json.loads(built["completion"][0]["content"]) == json.loads(row(task)["output"])


def test_deepkes_conversion_file_builds_the_rows_that_its_converter_would(
    tmp_path: Path, extune: Callable[..., Any]
) -> None:
    entities = [{"entity": "陈默", "entity_type": "人物"}, {"entity": "岚城大学", "entity_type": "组织"}]
    deepkes_project(tmp_path, "NER", "sample.json", [{"text": TEXT, "entity": entities}])
    part = {"src_path": "data/NER/sample.json", "schema_path": "data/NER/schema.json", "language": "zh", "task": "NER"}
    (tmp_path / "convert.yaml").write_text(yaml.safe_dump({"mode": "train", "train": part}), encoding="utf-8")
    words = ("--preset", "convert.yaml", "--set", "data.split.dev=0 data.split.test=0")
    assert extune(tmp_path, "prepare", *words).code == extune(tmp_path, "build", *words).code == 0
    (built,) = map(json.loads, (tmp_path / "data/sft/train.jsonl").read_text(encoding="utf-8").splitlines())
    assert built["prompt"][0]["content"] == row("NER")["instruction"]
    assert built["completion"][0]["content"] == row("NER")["output"]


def test_what_is_set_by_hand_goes_before_what_the_rows_say(tmp_path: Path, extune: Callable[..., Any]) -> None:
    deepkes_project(tmp_path, "NER", "train.json", [row("NER")])
    theirs = DEEPKE | {"train_file": "data/NER/train.json"}
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump(theirs), encoding="utf-8")
    done = extune(tmp_path, "prepare", "--preset", "theirs.yaml", "--set", "task.name=RE")
    assert done.code == 2
    assert "annotated for NER, not for RE" in done.err


def test_rows_that_are_not_there_cannot_tell_their_task(tmp_path: Path, extune: Callable[..., Any]) -> None:
    deepkes_project(tmp_path, "NER", "train.json", [row("NER")])
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump(DEEPKE | {"train_file": "none.json"}), encoding="utf-8")
    done = extune(tmp_path, "prepare", "--preset", "theirs.yaml")
    (line,) = [line for line in done.err.splitlines() if line.startswith("extune: ")]
    assert done.code == 2
    assert (
        "none.json: task.name is left to the rows, and they cannot be read (no such file or folder). Set task" in line
    )


ORACLE = Path(os.environ.get("EXTUNE_ORACLE", ROOT.parent / "shared" / "oracle"))


@pytest.mark.integration
@pytest.mark.skipif(not ORACLE.is_dir(), reason=f"no runs of the reference: set EXTUNE_ORACLE (looked at {ORACLE})")
@pytest.mark.parametrize("task", ["NER", "RE", "SPO", "EE", "EET"])
def test_the_rows_of_the_references_converter_are_asked_again(
    tmp_path: Path, extune: Callable[..., Any], task: str
) -> None:
    """Labels come in the order of the schema file, not of their letters, so that which stand together may differ."""

    def question(text: str) -> tuple[str, str, int]:
        asked = json.loads(text)
        return asked["instruction"], asked["input"], len(asked["schema"])

    runs = ORACLE / task / "ref_zh"
    rows = [json.loads(line) for line in (runs / "train_rec.expected.jsonl").read_text(encoding="utf-8").splitlines()]
    deepkes_project(tmp_path, task, "train.json", rows)
    shutil.copy(runs / "schema.json", tmp_path / "data" / task)
    theirs = DEEPKE | {"train_file": f"data/{task}/train.json"}
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump(theirs), encoding="utf-8")
    words = ("--preset", "theirs.yaml", "--set", "data.split.dev=0 data.split.test=0")
    assert extune(tmp_path, "prepare", *words).code == extune(tmp_path, "build", *words).code == 0
    built = map(json.loads, (tmp_path / "data/sft/train.jsonl").read_text(encoding="utf-8").splitlines())
    prompts = [line["prompt"][0]["content"] for line in built]
    assert Counter(map(question, prompts)) == Counter(question(line["instruction"]) for line in rows)
    if task == "NER":
        assert prompts == [line["instruction"] for line in rows]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
def test_each_of_deepkes_files_trains(project: Path, tiny_base: Path, extune: Callable[..., Any], form: str) -> None:
    deepkes_project(project, "NER", "train.json", [row("NER")])
    theirs = FORMS[form] | {"max_steps": 1}
    pt = "train_path" in theirs
    theirs |= {"model_dir" if pt else "model_name_or_path": str(tiny_base)}
    theirs |= {"train_path" if pt else "train_file": "data/NER/train.json", "max_len" if pt else "cutoff_len": 2048}
    if "checkpoint_dir" in theirs:
        from peft import LoraConfig, get_peft_model
        from transformers import LlamaForCausalLM

        had = LlamaForCausalLM.from_pretrained(tiny_base)
        kept = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
        get_peft_model(had, LoraConfig(**kept)).save_pretrained(project / "lora" / "old")
        theirs |= {"checkpoint_dir": "lora/old", "lora_r": 4, "lora_alpha": 8}
    (project / "theirs.yaml").write_text(yaml.safe_dump(theirs), encoding="utf-8")
    words = ("--preset", "theirs.yaml", "--set", "data.split.dev=0 data.split.test=0")
    for stage in ("base", "prepare", "build", "plan", "train"):
        done = extune(project, stage, *words)
        assert done.code == 0, done.err
    spec = json.loads((project / "models/adapter/extractor.json").read_text(encoding="utf-8"))
    assert (spec["task"], spec["notation"], spec["split_num"]) == ("NER", "iepile_json", 6)
    assert (spec["prompt"]["system"], spec["prompt"]["instruction"]) == (None, {})
