"""Training: the same bytes twice, the loss of the library, no answer ever cut."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extune.errors import ConfigError, DataError

pytestmark = pytest.mark.integration

NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
LORA = {"r": 4, "target_modules": "all-linear"}
SFT = {"max_steps": 3, "per_device_train_batch_size": 2, "max_length": 200, "disable_tqdm": True, "logging_steps": 1}


def rows(count: int = 6) -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{n}",
            "prompt": [{"role": "user", "content": f"Extract: Ann{n} founded Bolt{n}."}],
            "completion": [{"role": "assistant", "content": f"(Ann{n}, founded, Bolt{n})"}],
        }
        for n in range(count)
    ]


def run(base: Path, out: Path, data: list[dict[str, Any]] | None = None, **changes: Any) -> Any:
    from extune.model import Base
    from extune.train.run import Method, train

    method = Method(lora=changes.pop("lora", LORA))
    options = {"sft": SFT, "method": method, "seed": 1, "max_dropped": 0.0, **changes}
    return train(data or rows(), Base(str(base), NF4), base_name="tiny", out=out, scratch=out.parent / "s", **options)


def test_two_runs_give_the_same_adapter_bytes(tiny_base: Path, tmp_path: Path) -> None:
    program = (
        "import sys, tests.train.test_run as t; from pathlib import Path;"
        "t.run(Path(sys.argv[1]), Path(sys.argv[2]) / 'adapter')"
    )
    digests = []
    for name in ("a", "b"):
        out = tmp_path / name
        out.mkdir()
        command = [sys.executable, "-W", "ignore", "-c", program, str(tiny_base), str(out)]
        subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
        files = sorted((out / "adapter").iterdir())
        assert [f.name for f in files] == ["adapter_config.json", "adapter_model.safetensors"]
        digests.append([hashlib.sha256(f.read_bytes()).hexdigest() for f in files])
    assert digests[0] == digests[1]


def test_the_adapter_names_no_path(tiny_base: Path, tmp_path: Path) -> None:
    run(tiny_base, tmp_path / "adapter")
    config = (tmp_path / "adapter" / "adapter_config.json").read_text()
    assert json.loads(config)["base_model_name_or_path"] == "tiny"
    assert str(tiny_base) not in config


def test_a_row_longer_than_the_window_is_left_out_whole_and_named(tiny_base: Path, tmp_path: Path) -> None:
    long = rows(1)[0] | {"id": "long", "completion": [{"role": "assistant", "content": "x" * 500}]}
    done = run(tiny_base, tmp_path / "adapter", [*rows(), long], max_dropped=0.2)
    assert done.dropped == ["long"]
    with pytest.raises(DataError, match=r"1 of 7 rows are longer than train.sft.max_length = 200 .*first long"):
        run(tiny_base, tmp_path / "adapter", [*rows(), long], max_dropped=0.1)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"lr_scheduler_kwargs": {"foo": 3}}, r"lr_scheduler_kwargs: .*unexpected keyword argument 'foo'"),
        ({"optim": "galore_adamw", "optim_target_modules": ["mlp"]}, r"train\.sft\.optim, optim_args: .*install"),
    ],
)
def test_what_optimiser_and_schedule_do_not_take_is_one_line(
    tiny_base: Path, tmp_path: Path, option: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        run(tiny_base, tmp_path / "adapter", sft=SFT | option)


def test_options_that_reach_out_or_are_not_followed_change_nothing(tiny_base: Path, tmp_path: Path) -> None:
    unread = {"push_to_hub": True, "hub_model_id": "a/b", "report_to": "wandb", "load_best_model_at_end": True}
    more = {"packing": True, "gradient_checkpointing": True, "label_smoothing_factor": 0.5, "eval_strategy": "steps"}
    plain, asked = (run(tiny_base, tmp_path / name, sft=SFT | sft) for name, sft in (("a", {}), ("b", unread | more)))
    assert plain.curve == asked.curve


def test_an_empty_training_set_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    from extune.train.rows import within

    with pytest.raises(DataError, match="training set is empty"):
        within([], 10, 0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sft": {"learning_rte": 1}}, "unknown key 'train.sft.learning_rte'.*'learning_rate'"),
        ({"lora": {"lora_alfa": 1}}, "unknown key 'train.lora.lora_alfa'.*'lora_alpha'"),
        ({"lora": {"r": 4, "target_modules": ["nope"]}}, "train.lora"),
    ],
)
def test_a_wrong_option_is_named(tiny_base: Path, tmp_path: Path, changes: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(tiny_base, tmp_path / "adapter", **changes)
    assert not (tmp_path / "adapter").exists()
