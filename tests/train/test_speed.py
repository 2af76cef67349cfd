"""What makes a training fast is chosen by what is there, overruled by what is asked for, and said."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extune.errors import ConfigError

pytestmark = pytest.mark.integration

SMALL = {
    "vocab_size": 2000, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip
NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
GB = 10**9


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine with so many bytes free, with or without a GPU and its compiler, whatever this one has."""
    import torch

    from extune.train import kernels, speed

    there = SimpleNamespace(gpu=False, free=8 * GB, compiler=True, capability=(9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: there.capability)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there.gpu)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (there.free, there.free))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 0)
    monkeypatch.setattr(kernels, "available", lambda: there.gpu and there.compiler)
    monkeypatch.setattr(speed, "psutil", SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=there.free)))
    return there


def load(step: int = 8, length: int = 100, **changes: Any) -> Any:
    from extune.footprint import lengths_report
    from extune.train.rows import MASKED, Tokenised
    from extune.train.speed import Workload

    common = changes.pop("common", 0)
    ids = [[1] * common + [n] * (length - common) for n in range(40)]
    rows = [Tokenised(str(n), row, [MASKED] * (length - 9) + [1] * 9) for n, row in enumerate(ids)]
    share = lengths_report(rows, 1024, step).common
    return Workload(rows, step, 1024, **{"quantization": NF4, "lora": {"r": 8}, "common": share, **changes})


def model(kind: str = "LlamaConfig", **values: Any) -> Any:
    import torch
    import transformers

    config = getattr(transformers, kind)(**SMALL | values)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def choose(forced: dict[str, Any] | None = None, of: Any = None, on: Any = None) -> Any:
    from extune.train import speed

    return speed.choose(forced or {}, of or model(), on or load())


def test_a_cpu_gets_neither_graphs_nor_compiled_kernels(machine: SimpleNamespace) -> None:
    found = choose()
    assert (found.packed, found.cache, found.fused, found.recompute) == (True, True, True, 0)
    assert not found.graphs
    assert not found.compile
    assert found.tokens >= 800, "all of a step in one piece"
    for lever in ("graphs", "compile"):
        with pytest.raises(ConfigError, match=rf"train.speed.{lever}: .*GPU.*Set it to auto"):
            choose({lever: True})
        assert choose({lever: False}) == found


def test_a_gpu_gets_them_where_python_is_slower_than_it(machine: SimpleNamespace) -> None:
    machine.gpu = True
    found = choose()
    assert found.graphs
    assert found.compile
    assert found.why.startswith("packed, cache, fused, compile, graphs; ")
    machine.compiler = False
    assert not choose().compile
    assert choose().graphs
    for off in ({"packed": False}, {"recompute": "all"}, {"graphs": False}):
        assert not choose(off).graphs
    assert not choose(on=load(scaled=True)).graphs, "float16 scales its loss"


def test_a_gpu_older_than_flash_attention_gets_padded_batches(machine: SimpleNamespace) -> None:
    machine.gpu, machine.capability = True, (7, 5)
    found = choose()
    assert not found.packed
    assert not found.graphs
    with pytest.raises(ConfigError, match=r"train.speed.packed: .*older.*Set it to auto"):
        choose({"packed": True})


def test_a_gpu_waits_for_python_with_little_work_only(machine: SimpleNamespace) -> None:
    from extune.footprint import shape_of
    from extune.train.speed import _waits

    small, big = (shape_of(one.config.to_dict()) for one in (model(), model(hidden_size=4096, intermediate_size=11008)))
    assert _waits(small, load())
    assert _waits(big, load(step=1, length=10))
    assert not _waits(big, load(step=40, length=1000))


def test_what_rows_begin_with_in_common_is_computed_once_where_it_is_much(machine: SimpleNamespace) -> None:
    much, little = load(common=30), load(common=2)
    assert not choose(on=little).prefixes
    assert choose({"prefixes": True}, on=little).prefixes
    assert choose(on=much).prefixes
    assert choose(on=much).why.startswith("packed, cache, fused, prefixes; ")
    for off in ({"prefixes": False}, {"packed": False}):
        assert not choose(off, on=much).prefixes
    dropped = load(common=30, stochastic=True)
    assert not choose(on=dropped).prefixes, "rows would share their dropout"
    assert choose({"prefixes": True}, on=dropped).prefixes
    with pytest.raises(ConfigError, match=r"train.speed.prefixes: needs rows end to end"):
        choose({"prefixes": True, "packed": False}, on=much)


def test_a_graph_has_no_room_for_rows_that_begin_in_common(machine: SimpleNamespace) -> None:
    machine.gpu, much = True, load(common=30)
    found = choose(on=much)
    assert (found.graphs, found.prefixes) == (True, False)
    for forced in ({"graphs": False}, {"prefixes": True}):
        found = choose(forced, on=much)
        assert (found.graphs, found.prefixes) == (False, True)
    with pytest.raises(ConfigError, match=r"train.speed.prefixes: .*no CUDA graphs"):
        choose({"prefixes": True, "graphs": True}, on=much)


FORCED: list[dict[str, Any]] = [
    {"packed": False}, {"cache": False}, {"fused": False}, {"recompute": 3}, {"tokens": 150}, {"tokens": 20},
    {"cache": False, "recompute": 1, "tokens": 333},
]  # fmt: skip


@pytest.mark.parametrize("forced", FORCED, ids=str)
def test_what_is_asked_for_wins_and_the_rest_is_chosen(machine: SimpleNamespace, forced: dict[str, Any]) -> None:
    from dataclasses import asdict

    found = asdict(choose(forced | {"fused": forced.get("fused", "auto")}))
    assert {name: found[name] for name in forced} == forced
    planned = [name for name in ("cache", "recompute", "tokens") if name in forced]
    assert not planned or f"forced: {', '.join(planned)}" in found["why"]
    free = asdict(choose())
    assert {n: v for n, v in found.items() if n not in (*forced, "why", "tokens")} == {
        n: v for n, v in free.items() if n not in (*forced, "why", "tokens")
    }


def test_all_layers_are_as_many_as_the_model_has(machine: SimpleNamespace) -> None:
    assert choose({"recompute": "all"}).recompute == 4
    assert "4 of 4 layers recomputed" in choose({"recompute": "all"}).why


def test_little_memory_is_made_do_with(machine: SimpleNamespace) -> None:
    big, many = model(hidden_size=1024, intermediate_size=4096, num_hidden_layers=16), load(step=40, length=1000)
    machine.free = 100 * GB
    plenty = choose(of=big, on=many)
    assert (plenty.cache, plenty.recompute) == (True, 0)
    sparing = []
    for free in (4 * GB, 2 * GB, GB):
        machine.free = free
        sparing.append(choose(of=big, on=many))
    assert all(one != plenty for one in sparing)
    assert all(one.tokens >= 1000 for one in sparing), "a row is never cut"
    assert not sparing[-1].cache
    assert sparing[-1].recompute > 0


def test_what_was_chosen_is_said_with_the_memory_it_takes(machine: SimpleNamespace) -> None:
    said = choose().why
    assert said.startswith(
        "packed, cache, fused; rows end to end, a dense copy of the quantised layers, no recompute, "
    )
    assert "GB of 7.2 GB to be had" in said
    said = choose({"packed": False, "cache": False, "fused": False}).why
    assert said.startswith("nothing special; rows padded, layers dequantised as they are used, no recompute, ")


def test_a_model_that_takes_padded_batches_only_gets_these(machine: SimpleNamespace) -> None:
    machine.gpu = True
    capped = model("Gemma2Config", head_dim=16)
    found = choose(of=capped)
    assert not found.packed
    assert not found.graphs
    assert "rows padded" in found.why
    with pytest.raises(ConfigError, match=r"train.speed.packed: this model's attention takes padded batches only"):
        choose({"packed": True}, capped)
    assert not choose(on=load(method="prefix")).packed
    assert not choose(on=load(method="prefix")).fused


def test_a_shape_that_cannot_be_planned_is_treated_with_care(machine: SimpleNamespace) -> None:
    experts = model("MixtralConfig", num_local_experts=2)
    found = choose(of=experts)
    assert (found.cache, found.recompute, found.tokens) == (False, 0, 4096)
    assert "memory not planned (config.json: a mixture of experts" in found.why
    assert choose({"recompute": "all", "tokens": 77}, experts).recompute == 4
    assert choose({"recompute": "all", "tokens": 77}, experts).tokens == 77


def test_the_workload_is_counted_from_the_rows() -> None:
    on = load(step=8)
    assert on.tokens == 800
    assert on.answers == pytest.approx(0.09)


def test_the_rotation_that_is_compiled_is_each_familys_own() -> None:
    from importlib import import_module

    import torch

    from extune.train.kernels import ROTATED, _rotated

    torch.manual_seed(0)
    query, key = torch.randn(1, 4, 7, 8), torch.randn(1, 2, 7, 8)
    cos, sin = torch.randn(1, 7, 8), torch.randn(1, 7, 8)
    found = _rotated(query, key, cos, sin)
    for family in ROTATED:
        own = import_module(f"transformers.models.{family}.modeling_{family}").apply_rotary_pos_emb
        torch.testing.assert_close(found, own(query, key, cos, sin), rtol=0, atol=0)


def test_kernels_are_compiled_only_where_all_they_need_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util
    import shutil

    import torch

    from extune.train import kernels

    def said(gpu: bool, triton: bool, cc: bool) -> bool:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if triton else None)
        monkeypatch.setattr(shutil, "which", lambda name: str(Path("cc")) if cc else None)
        return kernels.available()

    assert said(True, True, True)
    assert not any(said(*parts) for parts in ((False, True, True), (True, False, True), (True, True, False)))
