"""A plan of a whole project, its warnings, its text, and it beside what happened."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extune.config import Config, load, merge, parse
from extune.errors import ConfigError, DataError, ModelError
from extune.footprint import Choice, Lengths, packable, shape_of
from extune.footprint.lengths import lengths_of
from extune.options import SHIPPED
from extune.plan import DEVICES, Plan, compare, compared_text, plan, plan_json, plan_text
from extune.plan.effects import idle
from extune.plan.model import EMBEDDED, read_config
from extune.plan.rows import train_lengths
from extune.plan.steps import Schedule
from extune.plan.way import graphs_of

CHOICE = Choice(True, True, 0, 4096, "rows end to end", 10**9)
LENGTHS = lengths_of([10, 20, 30], [2, 4, 6], [], 1024)
PARAMS = {
    "data": {"source": "x"},
    "train": {"sft": {"max_length": 1024, "per_device_train_batch_size": 2, "logging_steps": 1, "num_train_epochs": 1}},
}


def configured(**values: Any) -> Config:
    return parse(merge(PARAMS, values))


def warnings(config: Config, lengths: Lengths = LENGTHS, device: str = "h200", steps: int = 100, packed: bool = True) -> str:  # fmt: skip
    made, choice = Schedule(2, steps, ()), replace(CHOICE, packed=packed)
    return "\n".join(idle(config, shape_of(EMBEDDED), lengths, made, choice, DEVICES[device]))


def test_settings_that_do_what_they_say_give_no_warning() -> None:
    assert warnings(configured(model={"quantization": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}})) == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": {"quantization": {"bnb_4bit_quant_type": "nf4"}}}, "bnb_4bit_quant_type without load_in_4bit"),
        (
            {"model": {"quantization": {"load_in_4bit": False, "bnb_4bit_quant_type": "fp4"}}},
            "bnb_4bit_quant_type without load_in_4bit: the base is not in 4 bits",
        ),
        ({"model": {"quantization": {"llm_int8_threshold": 5.0}}}, "without load_in_8bit: the base is not quantised"),
        ({"model": {"trust_remote_code": True, "base": "owner/name"}}, "without model.revision"),
        ({"train": {"lora": {"lora_dropout": 0.1}}}, "lora_dropout above 0 keeps"),
        (
            {"train": {"lora": {"lora_dropout": 0.1}, "speed": {"prefixes": True}}},
            "what rows have in common is dropped in all or none: slower",
        ),
        ({"train": {"lora": {"r": 8, "modules_to_save": ["lm_head"]}}}, "planned without the copies"),
        ({"train": {"method": "full", "lora": {"r": 8}}}, "train.lora.r has no effect with train.method=full"),
        (
            {"train": {"prefix": {"num_virtual_tokens": 8, "prefix_projection": False}}},
            "train.prefix.num_virtual_tokens, train.prefix.prefix_projection have no effect with train.method=lora",
        ),
        ({"train": {"sft": {"label_smoothing_factor": 0.1}}}, "label_smoothing_factor has no effect"),
        ({"train": {"sft": {"packing": True}}}, "train.sft.packing has no effect: train.speed.packed"),
        ({"train": {"sft": {"dataset_text_field": "text"}}}, "dataset_text_field has no effect"),
        ({"train": {"sft": {"gradient_checkpointing": True}}}, "train.speed.recompute"),
        ({"train": {"sft": {"eval_strategy": "steps"}}}, "no evaluation set"),
        ({"train": {"sft": {"train_sampling_strategy": "group_by_length"}}}, "saves nothing where rows lie end to end"),
        ({"train": {"sft": {"gradient_accumulation_steps": 8}}}, "a step has 16 rows"),
        ({"train": {"sft": {"warmup_steps": 100}}}, "warmup_steps: 100 of 100 steps"),
        ({"train": {"sft": {"max_steps": 100, "num_train_epochs": 3}}}, "num_train_epochs has no effect"),
        ({"train": {"sft": {"logging_steps": 500}}}, "no loss is told in 100 steps"),
    ],
)
def test_a_setting_without_its_effect_is_named(values: dict[str, Any], said: str) -> None:
    assert said in warnings(configured(**values))


def test_what_is_shipped_is_no_option_that_the_user_has_set() -> None:
    lora, prefix = SHIPPED["train.lora"], SHIPPED["train.prefix"]
    assert (
        warnings(configured(train={"method": "prefix", "lora": lora, "prefix": prefix | {"num_virtual_tokens": 3}}))
        == ""
    )
    assert warnings(configured(train={"method": "full", "lora": lora, "prefix": prefix})) == ""


def test_the_code_of_a_folder_is_not_the_hubs(tmp_path: Path) -> None:
    for base in (str(tmp_path), "embedded"):
        assert "trust_remote_code" not in warnings(configured(model={"trust_remote_code": True, "base": base}))


def test_a_plan_refuses_what_training_refuses(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.sft\.per_device_train_batch_size is 0. It should be 1 or more"):
        plan(configured(train={"sft": {"per_device_train_batch_size": 0}}), tmp_path)


def test_bf16_is_missed_on_a_t4_alone() -> None:
    config = configured(train={"sft": {"bf16": True}})
    assert "t4 has no bf16" in warnings(config, device="t4")
    assert "bf16" not in warnings(config, device="h200")


def test_grouping_by_length_is_useful_where_rows_are_padded() -> None:
    assert warnings(configured(train={"sft": {"train_sampling_strategy": "group_by_length"}}), packed=False) == ""


def test_rows_over_the_window_and_a_window_over_the_positions_are_told() -> None:
    lengths = lengths_of([10], [2], ["a", "b"], 16384)
    assert "2 rows are longer" in warnings(configured(), lengths)
    assert "made for 8192 positions" in warnings(configured(), lengths)


def test_the_embedded_base_can_be_planned_before_it_is_there(tmp_path: Path) -> None:
    keys, folder = read_config(configured().model, tmp_path)
    assert (shape_of(keys).parameters, folder) == (134_515_008, None)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match="not a model's configuration"):
        read_config(configured(model={"base": str(tmp_path)}).model, tmp_path)


def test_rows_lie_end_to_end_only_where_attention_can_be_replaced() -> None:
    assert packable({"model_type": "llama"}, 1024)
    assert packable({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False}, 8192)
    assert not packable({"model_type": "mistral", "sliding_window": 4096}, 8192)
    assert not packable({"model_type": "recurrent_gemma", "block_types": ["recurrent", "attention"]}, 1024)
    assert not packable({"model_type": "falcon"}, 1024)
    assert not packable({"model_type": "gemma2", "attn_logit_softcapping": 50.0}, 1024)


def write_rows(root: Path, count: int = 12) -> None:
    folder = root / "data" / "sft"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "id": f"r{n}",
            "prompt": [{"role": "user", "content": "Extract: " + "Ann founded Bolt. " * (n + 1)}],
            "completion": [{"role": "assistant", "content": "(Ann, founded, Bolt)"}],
        }
        for n in range(count)
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_without_a_tokenizer_lengths_are_guessed_and_said_to_be(tmp_path: Path) -> None:
    write_rows(tmp_path)
    lengths = train_lengths(tmp_path / "data/sft/train.jsonl", configured().model, None, 60, 4)
    assert lengths.rows == 12
    assert 20 < lengths.kept[0] < 40
    assert lengths.over
    assert "guessed" in lengths.source


def test_without_rows_a_full_window_is_planned_and_said_to_be(tmp_path: Path) -> None:
    lengths = train_lengths(tmp_path / "none.jsonl", configured().model, None, 512, 4)
    assert (lengths.kept, "no data yet" in lengths.source) == ((512,), True)


def test_a_training_set_without_rows_is_refused_as_training_refuses_it(tmp_path: Path) -> None:
    write_rows(tmp_path, 0)
    with pytest.raises(DataError, match="the training set is empty"):
        plan(configured(), tmp_path, "cpu")


def test_an_adapter_that_is_trained_on_keeps_its_own_rank_and_targets(tmp_path: Path) -> None:
    write_rows(tmp_path)
    (tmp_path / "before").mkdir()
    own = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    (tmp_path / "before" / "adapter_config.json").write_text(json.dumps(own), encoding="utf-8")
    asked = {"lora": {"r": 64, "target_modules": "all-linear"}}
    on = plan(configured(train={**asked, "adapter": "before"}), tmp_path, "h200")
    assert on.trainable == 30 * 4 * (576 + 576 + 576 + 192)
    assert plan(configured(train=asked), tmp_path, "h200").trainable == 19_537_920  # of rank 64, on all layers


def planned() -> Plan:
    return Plan(
        base="embedded", device="h200", processes=1, parameters=1000, trainable=10, memory={"base": 600, "activations": 400},
        free=2000, lengths=LENGTHS, step_rows=2, steps=2, tokens=60, seconds=2.0, disk={"base": 100}, choice=CHOICE,
        warnings=("mind this",),
    )  # fmt: skip


def test_a_comparison_holds_figures_to_what_a_plan_may_be_off() -> None:
    real = {"seconds": 2.4, "steps": 2.0, "tokens": 60.0, "rows": 3.0, "peak_memory": 1200.0, "train_loss": 1.0}
    rows = {row.name: row for row in compare(planned(), real)}
    assert set(rows) == {"seconds", "steps", "tokens", "rows", "peak_memory"}
    assert rows["seconds"].held
    assert rows["peak_memory"].off == pytest.approx(-1 / 6)
    assert not rows["peak_memory"].held
    assert "-17 %  !" in compared_text(list(rows.values()))


def test_a_plan_reads_as_lines_with_the_warnings_last_and_as_json() -> None:
    text = plan_text(planned())
    assert "1,000 parameters, 10 of them trained (1.00 %)" in text
    assert text.splitlines()[-1] == "warning mind this"
    values = json.loads(json.dumps(plan_json(planned())))
    assert (values["peak"], values["lengths"]["median"], values["tokens_per_second"]) == (1000, 20, 30.0)


@pytest.mark.integration
def test_a_whole_project_is_planned_from_its_files(project: Path, tiny_base: Path) -> None:
    write_rows(project)
    found = plan(load(project / "params.yaml"), project, "h200")
    assert found.steps == 2
    assert found.parameters == sum(p.numel() for p in _model(tiny_base).parameters())
    assert found.lengths.source == "tokenised"
    assert found.peak == sum(found.memory.values()) < found.free
    assert found.choice.fits


@pytest.mark.integration
@pytest.mark.usefixtures("tiny_base")
def test_on_a_gpu_a_small_model_is_planned_with_graphs_as_it_is_trained(project: Path) -> None:
    write_rows(project, 200)

    def seconds(graphs: str) -> float:
        given = [f"train.speed.graphs={graphs} train.sft.max_steps=200"]
        return plan(load(project / "params.yaml", None, given), project, "h200").seconds

    assert seconds("auto") == seconds("true") < seconds("false")


@pytest.mark.integration
@pytest.mark.usefixtures("tiny_base")
def test_what_rows_begin_with_in_common_takes_less_memory_and_time(project: Path) -> None:
    write_rows(project, 200)

    def planned(*given: str) -> Any:
        settings = ["train.sft.max_steps=20", "train.sft.per_device_train_batch_size=32", *given]
        return plan(load(project / "params.yaml", None, settings), project, "cpu")

    once, every = planned(), planned("train.speed.prefixes=false")
    assert once.lengths.common > 0.2
    assert once.memory["activations"] < 0.9 * every.memory["activations"]
    assert once.seconds < every.seconds
    alone = ["train.speed.tokens=64"]  # a row a piece has nothing in common with others
    assert planned(*alone).memory == planned(*alone, "train.speed.prefixes=false").memory
    with pytest.raises(ConfigError, match=r"train.speed.prefixes: needs rows end to end"):
        planned("train.speed.prefixes=true", "train.speed.packed=false")
    dropped = planned("train.lora.lora_dropout=0.1")
    assert dropped.memory["activations"] > once.memory["activations"], "rows would share their dropout"


@pytest.mark.integration
def test_the_steps_planned_are_the_steps_made(project: Path, tiny_base: Path) -> None:
    from extune.model import Base
    from extune.train.run import Method, train

    write_rows(project)
    config = load(project / "params.yaml", None, ["train.sft.max_steps=-1 train.sft.per_device_train_batch_size=5"])
    found = plan(config, project, "cpu")
    rows = [json.loads(line) for line in (project / "data/sft/train.jsonl").read_text().splitlines()]
    trained = train(
        rows, Base(str(tiny_base), config.model.quantization), base_name="tiny", sft=config.train.sft,
        method=Method(lora=config.train.lora), seed=config.seed, max_dropped=1.0, out=project / "a", scratch=project / "s",
    )  # fmt: skip
    compared = {row.name: row for row in compare(found, trained.metrics)}
    assert all(compared[name].held for name in ("rows", "steps", "tokens"))


@pytest.mark.integration
def test_the_command_prints_one_json_object_and_the_comparison(project: Path) -> None:
    from typer.testing import CliRunner

    from extune.cli import app

    write_rows(project)
    (project / "real.json").write_text('{"steps": 2, "seconds": 1.0}', encoding="utf-8")
    done = CliRunner().invoke(app, ["plan", "--device", "h200", "--memory", "40", "--json", "--against", "real.json"])
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert (values["steps"], values["free"]) == (2, 40 * 10**9)
    assert [row["name"] for row in values["against"]] == ["steps", "seconds"]


def _model(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def test_several_processes_share_a_step(tmp_path: Path) -> None:
    write_rows(tmp_path, 64)
    sft = {"max_length": 2048, "per_device_train_batch_size": 4}
    one, two = (plan(configured(train={"processes": count, "sft": sft}), tmp_path, "h200") for count in (1, 2))
    assert (one.steps, one.step_rows, two.steps, two.step_rows) == (16, 4, 8, 8)
    assert two.tokens == pytest.approx(one.tokens)
    assert two.choice.tokens < 1.5 * one.choice.tokens, "as many rows for each process as before"
    assert two.seconds < one.seconds
    assert "2 times h200" in plan_text(two)
    assert "for each process" in plan_text(two)


def test_a_gpu_older_than_flash_attention_is_planned_with_padded_rows(tmp_path: Path) -> None:
    write_rows(tmp_path)
    config = configured(train={"sft": {"max_length": 2048, "per_device_train_batch_size": 4}})
    assert plan(config, tmp_path, "h200").choice.packed
    assert not plan(config, tmp_path, "t4").choice.packed


def test_parts_of_a_model_are_told_to_be_planned_as_wholes(tmp_path: Path) -> None:
    made = Schedule(4, 10, (), 2)
    config = configured(train={"sft": {"fsdp": True}})
    told = "\n".join(idle(config, shape_of(EMBEDDED), LENGTHS, made, CHOICE, DEVICES["h200"]))
    assert "planned as if each process had all of the model" in told
    assert "fsdp has no effect" in warnings(config)
    told = "\n".join(idle(config, shape_of(EMBEDDED), LENGTHS, made, CHOICE, replace(DEVICES["h200"], gpu=False)))
    assert "fsdp has no effect" in told


def test_parts_of_a_model_are_planned_without_graphs_as_they_are_trained() -> None:
    made, shape = Schedule(4, 10, (), 2), shape_of(EMBEDDED)
    for sft, expected in (({}, True), ({"fsdp": True}, False), ({"deepspeed": "x.json"}, False)):
        config = configured(train={"sft": sft})
        assert graphs_of(config, shape, LENGTHS, made, CHOICE, DEVICES["h200"]) is expected


def test_of_several_processes_the_one_with_the_most_tokens_is_planned() -> None:
    assert Schedule(3, 1, ((0, 1, 2),), 2).own([100, 60, 60]) == [[1, 2]]
