"""What each of several processes is given of a step, and what cannot be had when they share a model."""

import json
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.errors import ConfigError

pytestmark = pytest.mark.integration  # torch alone takes seconds to import

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=40)


def steps(lengths: list[int], grouped: bool, process: int = 0, processes: int = 1) -> list[list[int]]:
    from extune.train.batches import Steps

    made = Steps(lengths, 3, 4, grouped, process, processes)
    made.set_epoch(2)
    assert len(made) == len(list(made))
    return list(made)


@given(LENGTHS, st.integers(1, 6), st.booleans())
def test_all_processes_together_have_the_rows_that_one_would_have(
    lengths: list[int], processes: int, grouped: bool
) -> None:
    alone = steps(lengths, grouped)
    shared = [steps(lengths, grouped, number, processes) for number in range(processes)]
    assert [sorted(chain(*parts)) for parts in zip(*shared, strict=True)] == [sorted(rows) for rows in alone]
    assert sorted(chain(*alone)) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 6))
def test_no_process_is_idle_while_another_has_two_rows_and_tokens_are_even(lengths: list[int], processes: int) -> None:
    from extune.train.batches import share

    parts = share(range(len(lengths)), lengths, processes)
    counts = [len(part) for part in parts]
    assert min(counts) > 0 or max(counts) < 2
    tokens = [sum(lengths[n] for n in part) for part in parts]
    assert max(tokens) - min(tokens) <= max(lengths)


def test_one_process_keeps_the_order_of_the_step() -> None:
    from extune.train.batches import share

    assert share([5, 2, 7], [1] * 5 + [9, 9, 3], 1) == [[5, 2, 7]]


def test_a_lever_that_cannot_be_had_is_off_and_refused_when_forced() -> None:
    from extune.train.speed import OFF, choose

    assert (set(OFF["ddp"]), set(OFF["zero2"])) == (set(), {"graphs"})
    assert set(OFF["fsdp"]) == set(OFF["zero3"]) == {"graphs", "cache", "fused"}
    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(sliding_window=None))
    model: Any = SimpleNamespace(config=config)
    with pytest.raises(ConfigError, match=r"train\.speed\.cache: a dense copy .* Set it to auto"):
        choose({"cache": True}, model, SimpleNamespace(window=9, method="lora", scaled=False), "fsdp")  # type: ignore[arg-type]


def test_deepspeed_that_is_not_there_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from extune.train import spread

    monkeypatch.setattr(spread, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"DeepSpeed is not installed\. pip install deepspeed"):
        spread.checked({"deepspeed": "presets/deepspeed-zero2.json"})
    monkeypatch.setattr(spread, "find_spec", lambda name: object())
    with pytest.raises(ConfigError, match=r"nowhere\.json: train\.sft\.deepspeed: no such file"):
        spread.checked({"deepspeed": "nowhere.json"})
    assert spread.checked({"deepspeed": None, "fsdp": "", "max_length": 9}) == {"max_length": 9}


def test_fsdp_without_several_gpus_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    from extune.train import spread

    assert spread.checked({"fsdp": True, "fsdp_config": {"version": 2}, "max_length": 9}) == {"max_length": 9}
    assert "train.sft.fsdp has no effect" in caplog.text


def test_deepspeed_without_a_gpu_is_left_out_and_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from extune.train import spread

    monkeypatch.setattr(spread, "_check_deepspeed", lambda config: None)
    monkeypatch.setattr(spread, "joined", lambda: True)
    monkeypatch.setattr(spread, "device", lambda: "cpu")
    assert spread.checked({"deepspeed": "x.json", "max_length": 9}) == {"max_length": 9}
    assert "train.sft.deepspeed has no effect" in caplog.text
    monkeypatch.setattr(spread, "device", lambda: "cuda:0")
    assert spread.checked({"deepspeed": "x.json"}) == {"deepspeed": "x.json"}


def test_4_bit_weights_that_are_spread_are_stored_as_numbers() -> None:
    from extune.model import Base
    from extune.train.spread import shardable

    four, whole = Base("x", {"load_in_4bit": True}), Base("x", {})
    assert shardable(four, "fsdp").quantization["bnb_4bit_quant_storage"].is_floating_point
    assert (shardable(four, "ddp"), shardable(whole, "fsdp")) == (four, whole)


@pytest.mark.parametrize(
    ("given", "keeps"),
    [
        ({"stage": 2}, True),
        ({"stage": 3, "offload_optimizer": {"device": "cpu"}}, True),
        ({"stage": 3, "offload_optimizer": {"device": "nvme"}}, False),
        ({}, False),
    ],
)
def test_deepspeed_keeps_what_it_has_in_memory_and_says_so_if_it_has_none(
    given: dict[str, Any], keeps: bool, caplog: pytest.LogCaptureFixture
) -> None:
    from accelerate.utils.deepspeed import HfDeepSpeedConfig

    from extune.train.resume import Keeping
    from extune.train.spread import keepable

    kept, args = (
        Keeping(Path("here")),
        SimpleNamespace(hf_deepspeed_config=HfDeepSpeedConfig({"zero_optimization": given})),
    )
    assert (keepable(kept, "zero3", args) == kept) is keeps
    assert ("no checkpoints" in caplog.text) is not keeps
    assert keepable(kept, "fsdp", args) == kept


@pytest.mark.parametrize(("name", "stage"), [("zero2", 2), ("zero3", 3)])
def test_the_ready_deepspeed_files_leave_the_steps_to_the_trainer(name: str, stage: int) -> None:
    path = Path(__file__).parents[2] / "presets" / f"deepspeed-{name}.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    assert settings["zero_optimization"]["stage"] == stage
    assert settings["gradient_accumulation_steps"] == 1  # the trainer cuts a step into pieces itself
    assert settings["train_micro_batch_size_per_gpu"] == settings["bf16"]["enabled"] == "auto"
    assert not {"optimizer", "scheduler"} & set(settings)


def test_the_ready_fsdp_file_is_what_transformers_makes_of_its_defaults(tmp_path: Path) -> None:
    from trl import SFTConfig

    path = Path(__file__).parents[2] / "presets" / "fsdp2.json"
    ours, theirs = (
        SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, fsdp=True, fsdp_config=given).fsdp_plugin_args
        for given in (str(path), {})
    )
    assert ours == theirs
    assert ours["fsdp_version"] == 2
