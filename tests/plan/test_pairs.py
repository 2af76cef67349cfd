"""A plan of an encoder-decoder: prompts in one stack, answers in the other."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.config import load, parse
from extune.errors import ConfigError
from extune.footprint import pair_of
from extune.footprint.lengths import lengths_of
from extune.plan import Plan, plan
from extune.plan.pairs import pieces

from ..footprint.test_pairs import OPENBA, T5
from .test_planned import write_rows


def planned(
    root: Path, keys: dict[str, Any], device: str = "cpu", rows: int = 12, memory: float | None = None, **train: Any
) -> Plan:
    write_rows(root, rows)
    (root / "base").mkdir(exist_ok=True)
    (root / "base" / "config.json").write_text(json.dumps({"is_encoder_decoder": True, **keys}), encoding="utf-8")
    sft = {"max_length": 1024, "per_device_train_batch_size": 4, "num_train_epochs": 1, **train.pop("sft", {})}
    model = {"base": str(root / "base"), "quantization": {"load_in_4bit": True}}
    return plan(parse({"data": {"source": "x"}, "model": model, "train": {"sft": sft, **train}}), root, device, memory)


@pytest.mark.parametrize("keys", [T5, OPENBA], ids=["t5", "openba"])
def test_it_has_the_parameters_and_steps_of_the_training(tmp_path: Path, keys: dict[str, Any]) -> None:
    found = planned(tmp_path, keys, "h200")
    assert found.parameters == sum(stack.parameters for stack in pair_of(keys))
    assert (found.steps, found.choice.packed) == (3, False)
    assert 0 < found.trainable < found.parameters / 20
    assert found.peak > found.parameters / 2


def test_more_rows_a_step_take_more_memory_up_to_the_size_of_a_piece(tmp_path: Path) -> None:
    def activations(rows: int, tokens: int = 4096) -> int:
        sft = {"per_device_train_batch_size": rows}
        return planned(tmp_path, T5, rows=96, sft=sft, speed={"tokens": tokens}).memory["activations"]

    assert activations(4) < activations(16)
    assert activations(96, 512) < activations(96) / 2


def test_targets_that_only_one_stack_has_are_counted_there(tmp_path: Path) -> None:
    only = planned(tmp_path, OPENBA, "h200", lora={"r": 8, "target_modules": ["kv"]})
    assert only.trainable == 36 * 8 * (4096 + 2 * 40 * 128)


def test_a_target_that_no_stack_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a t5 model has no 'q_proj'"):
        planned(tmp_path, T5, lora={"r": 8, "target_modules": ["q", "q_proj"]})


def test_a_training_that_does_not_fit_is_said_not_to(tmp_path: Path) -> None:
    small = planned(tmp_path, OPENBA, "t4", memory=4.0)
    assert not small.choice.fits
    assert any("the memory does not hold this training" in line for line in small.warnings)
    assert small.choice.needs == small.peak > small.free
    assert planned(tmp_path, T5, "h200").choice.fits


def test_a_piece_is_padded_to_its_longest_prompt_and_its_longest_answer() -> None:
    lengths = lengths_of([10, 20, 30], [2, 8, 4], [], 64)
    (found,) = pieces(lengths, (0, 1, 2), 4096)
    assert [work.tokens for work in found] == [3 * 26, 3 * 8]
    assert found[1].answers == 3 * 8
    assert len(pieces(lengths, (0, 1, 2), 40)) > 1


@pytest.mark.integration
def test_the_steps_and_tokens_planned_are_those_of_a_training(project: Path, tmp_path: Path, tiny_base: Path) -> None:
    import transformers

    from extune.model import Base
    from extune.plan import compare
    from extune.train.run import Method, train

    write_rows(project)
    base = tmp_path / "t5"
    own = json.loads((tiny_base / "config.json").read_text(encoding="utf-8"))
    ids = {name: own[name] for name in ("vocab_size", "eos_token_id", "pad_token_id")}
    config = transformers.T5Config(
        **ids, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=ids["pad_token_id"]
    )
    transformers.T5ForConditionalGeneration(config).save_pretrained(base)
    for path in tiny_base.glob("*token*"):
        (base / path.name).write_bytes(path.read_bytes())
    configured = load(project / "params.yaml", None, [f"model.base={base}", "model.quantization=null"])
    found = plan(configured, project, "cpu")
    rows = [json.loads(line) for line in (project / "data/sft/train.jsonl").read_text().splitlines()]
    trained = train(
        rows, Base(str(base), {}), base_name="t5", sft=configured.train.sft, method=Method(lora=configured.train.lora),
        seed=configured.seed, max_dropped=1.0, out=project / "a", scratch=project / "s",
    )  # fmt: skip
    compared = {row.name: row for row in compare(found, trained.metrics)}
    assert all(compared[name].held for name in ("rows", "steps", "tokens"))
