"""The fused LoRA layer computes what peft's own does, over a weight in 4 bits or a dense copy of it."""

from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def net(bias: bool = True, nf4: bool = False, layer: str = "", **lora: Any) -> Any:
    """Two linear layers with something between them, and an adapter that does something."""
    import bitsandbytes as bnb
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)

    def linear(width: int, out: int) -> Any:
        if layer == "8 bit":
            return bnb.nn.Linear8bitLt(width, out, bias, has_fp16_weights=False)
        if nf4:
            return bnb.nn.Linear4bit(width, out, bias, compute_dtype=torch.float32, quant_type="nf4")
        return torch.nn.Linear(width, out, bias)

    model = torch.nn.Sequential()
    model.add_module("first", linear(64, 128))
    model.add_module("between", torch.nn.SiLU())
    model.add_module("last", linear(128, 64))
    model.to("cpu")
    config = {"r": 4, "lora_alpha": 12, "target_modules": ["first", "last"], "init_lora_weights": False, **lora}
    return get_peft_model(model, LoraConfig(**config)).train()


def passed(model: Any, kind: Any = None, wants_input: bool = True) -> dict[str, Any]:
    """What comes of a forward and a backward pass."""
    import torch

    torch.manual_seed(5)  # of dropout too
    x = torch.randn(3, 7, 64, dtype=kind).requires_grad_(wants_input)
    slope = torch.randn(3, 7, 64, dtype=kind) / 16
    torch.manual_seed(6)
    out = model(x)
    model.zero_grad()
    out.backward(slope)
    grads = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}
    return {"out": out.detach(), "x": x.grad if wants_input else None, **grads}


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no bias": {"bias": False},
    "dropout of 0": {"lora_dropout": 0.0},
    "dropout": {"lora_dropout": 0.3},
    "rank-stabilised": {"use_rslora": True},
    "NF4": {"nf4": True},
    "NF4, no bias, dropout": {"nf4": True, "bias": False, "lora_dropout": 0.3},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("wants_input", [True, False])
def test_output_and_gradients_are_peft_s_own(case: str, wants_input: bool) -> None:
    import torch

    from extune.train.linear import fuse

    model = net(**CASES[case])
    wanted = passed(model, wants_input=wants_input)
    assert fuse(model) == 2
    found = passed(model, wants_input=wants_input)
    assert len(found) == 2 + 4, "of four adapter matrices"
    assert found["out"].abs().max() > 0.1
    torch.testing.assert_close(found, wanted, **CLOSE)


def test_in_bfloat16_gradients_are_kept_in_the_adapters_float32() -> None:
    import torch

    from extune.train.linear import fuse

    model = net()
    for layer in model.modules():
        if type(layer) is torch.nn.Linear and not layer.weight.requires_grad:
            layer.to(torch.bfloat16)
    wanted = passed(net())
    assert fuse(model) == 2
    found = passed(model, torch.bfloat16)
    assert found["out"].dtype is found["x"].dtype is torch.bfloat16
    for name, value in found.items():
        assert name in ("out", "x") or value.dtype is torch.float32
        torch.testing.assert_close(value.float(), wanted[name], rtol=0.05, atol=0.02 * float(wanted[name].abs().max()))


def test_a_dense_copy_of_4_bits_computes_the_same_numbers_to_the_bit() -> None:
    import torch

    from extune.train.linear import cache, fuse

    model = net(nf4=True)
    assert fuse(model) == 2
    quantised = passed(model)
    assert cache(model, torch.float32) == 2 * 64 * 128 * 4
    assert not any("4bit" in type(module).__name__ and not hasattr(module, "base_layer") for module in model.modules())
    dense = passed(model)
    assert quantised.keys() == dense.keys()
    assert all(torch.equal(quantised[name], dense[name]) for name in dense)
    assert cache(model, torch.float32) == 0


def test_the_copy_keeps_the_bias_and_trains_nothing_more() -> None:
    import torch

    from extune.train.linear import cache

    model = net(nf4=True)
    wanted, trained = passed(model), {name for name, p in model.named_parameters() if p.requires_grad}
    cache(model, torch.float32)
    torch.testing.assert_close(passed(model), wanted, **CLOSE)  # through peft's own forward
    assert {name for name, p in model.named_parameters() if p.requires_grad} == trained


OTHERS: dict[str, dict[str, Any]] = {
    "DoRA": {"use_dora": True},
    "a bias of the adapter's own": {"lora_bias": True},
    "8 bits": {"layer": "8 bit"},
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_layer_that_computes_something_else_is_left_alone(case: str) -> None:
    import torch

    from extune.train.linear import fuse

    model = net(**OTHERS[case])
    before = [module.forward for module in model.modules()]
    assert fuse(model) == 0
    assert before == [module.forward for module in model.modules()]
    if case != "8 bits":
        assert torch.isfinite(passed(model)["out"]).all()


def test_a_layer_with_two_adapters_or_a_trained_weight_is_left_alone() -> None:
    from peft import LoraConfig

    from extune.train.linear import fuse

    model = net()
    model.add_adapter("second", LoraConfig(r=2, target_modules=["last"]))
    assert fuse(model) == 1
    model = net()
    model.base_model.model.last.base_layer.weight.requires_grad_(True)
    assert fuse(model) == 1


def test_an_adapter_that_is_off_or_merged_counts_nothing_or_once() -> None:
    import torch

    from extune.train.linear import fuse

    model = net(lora_dropout=0.3)
    torch.manual_seed(5)
    x = torch.randn(3, 64)
    model.eval()
    on = model(x)
    with model.disable_adapter():
        off = model(x)
    assert (on - off).abs().max() > 0.1
    fuse(model)
    torch.testing.assert_close(model(x), on, **CLOSE)
    with model.disable_adapter():
        assert torch.equal(model(x), off)
    model.merge_adapter()
    torch.testing.assert_close(model(x), on, **CLOSE)
    model.unmerge_adapter()
    torch.testing.assert_close(model(x), on, **CLOSE)


@pytest.mark.gpu
def test_on_a_gpu_a_dense_copy_of_4_bits_computes_the_same_numbers_to_the_bit() -> None:
    import torch

    from extune.train.linear import cache, fuse

    model = net(nf4=True, bias=False).cuda()
    fuse(model)
    x = torch.randn(5, 64, dtype=torch.bfloat16, device="cuda")
    quantised = model(x)
    cache(model, torch.bfloat16)
    assert torch.equal(model(x), quantised)
