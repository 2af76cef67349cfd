"""Modules that are trained whole beside LoRA: exact copies in a bfloat16 model, and served as trained."""

from pathlib import Path
from typing import Any

import pytest
from tests.train.test_run import LORA, NF4, run

from extune.errors import ConfigError

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from extune import model
    from extune.train import run as training

    for module in (model, training):
        monkeypatch.setattr(module, "compute_dtype", lambda: torch.bfloat16)


def trained(base: Path, out: Path, *names: str) -> Any:
    from extune.train.run import Method

    run(base, out, method=Method(lora={**LORA, "modules_to_save": list(names)}))


@pytest.mark.parametrize("names", [("lm_head",), ("embed_tokens", "lm_head"), ("norm",)])
def test_a_copy_is_trained_in_float32_and_served(tiny_base: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    import torch
    from safetensors.torch import load_file

    from extune.model import Base, load_base, load_for_answers

    trained(tiny_base, tmp_path / "adapter", *names)
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    before = dict(load_base(Base(str(tiny_base), NF4)).named_parameters())
    served = dict(load_for_answers(Base(str(tiny_base), NF4), tmp_path / "adapter").named_parameters())
    for name in names:
        own = next(key for key in before if f".{key}".endswith(f".{name}.weight"))
        copy = next(values for key, values in saved.items() if key.endswith(f".{name}.weight"))
        assert copy.dtype is torch.float32
        assert not torch.equal(copy, copy.bfloat16().float())  # steps finer than the model's type
        torch.testing.assert_close(served[own].float(), copy, rtol=0.01, atol=0.001)
        assert not torch.equal(copy, before[own].float())


def test_one_that_the_base_lacks_or_has_in_4_bits_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.lora\.modules_to_save: the base has no module 'nope'"):
        trained(tiny_base, tmp_path / "adapter", "nope")
    with pytest.raises(ConfigError, match=r"q_proj is quantised.*model\.quantization=null"):
        trained(tiny_base, tmp_path / "adapter", "q_proj")
