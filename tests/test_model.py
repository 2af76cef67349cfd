"""A base whose files are broken or do not belong together is refused in one line, never filled up with random weights."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from extune.errors import ModelError

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

WEIGHTS = "model.safetensors"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def exchange(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "weights that were cut": (lambda folder: halve(folder / WEIGHTS), "incomplete metadata"),
    "a pointer of git-lfs": (lambda folder: (folder / WEIGHTS).write_text(POINTER), "header too large"),
    "a configuration that was cut": (lambda folder: halve(folder / "config.json"), "config.json: cannot be read"),
    "another model's sizes": (
        lambda folder: exchange(folder / "config.json", '"hidden_size": 64', '"hidden_size": 32'),
        r"lacks weights .* or has them in another size: \d+ of 21, lm_head.weight first",
    ),
    "more layers than weights": (
        lambda folder: exchange(folder / "config.json", '"num_hidden_layers": 2', '"num_hidden_layers": 3'),
        r"lacks weights .*: 9 of 30, model.layers.2.input_layernorm.weight first",
    ),
}


@pytest.mark.parametrize("quantization", [{}, {"load_in_4bit": True}], ids=["whole", "4 bits"])
@pytest.mark.parametrize("case", BROKEN)
def test_files_that_make_no_model_are_refused(tiny_base: Path, tmp_path: Path, case: str, quantization: dict) -> None:
    from extune.model import Base, load_base

    folder = shutil.copytree(tiny_base, tmp_path / "base")
    spoil, told = BROKEN[case]
    spoil(folder)
    with pytest.raises(ModelError, match=told) as caught:
        load_base(Base(str(folder), quantization))
    assert str(folder) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(("half", "chosen"), [(0.7, "bfloat16"), (0.8, "float32")])
def test_a_cpu_takes_bfloat16_only_where_it_wins_clearly(
    monkeypatch: pytest.MonkeyPatch, half: float, chosen: str
) -> None:
    import torch

    from extune import model

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(model, "_product_seconds", lambda dtypes: [half, 1.0])
    assert model.compute_dtype.__wrapped__() is getattr(torch, chosen)


def test_the_compute_type_is_timed_by_what_one_thread_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    import torch

    from extune import model

    threads, seen = torch.get_num_threads(), []

    def product(left: object, right: object) -> None:
        seen.append(torch.get_num_threads())
        time.sleep(0.002)

    monkeypatch.setattr(torch.nn.functional, "linear", product)
    assert max(model._product_seconds((torch.bfloat16, torch.float32))) < 0.001
    assert set(seen) == {1}
    assert torch.get_num_threads() == threads
