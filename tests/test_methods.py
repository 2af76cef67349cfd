"""What is trained, stored and served by each method: the same numbers, on every kind of base."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import ConfigError, ModelError
from extune.families import FAMILIES

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

LLAMA = FAMILIES["llama"]
LORA = {"r": 4, "target_modules": "all-linear"}
PREFIX = {"num_virtual_tokens": 5, "prefix_projection": True, "encoder_hidden_size": 16}
BITS: dict[str, dict[str, Any]] = {
    "none": {},
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
    "fp4": {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"},
    "int8": {"load_in_8bit": True},
}


def base(folder: Path, bits: str = "none") -> Any:
    from extune.model import Base

    return Base(str(folder), BITS[bits])


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """One compute type, so that numbers can be compared; Gaussian adapters, so that untrained ones do something."""
    import torch

    from extune import model

    monkeypatch.setattr(model, "compute_dtype", lambda: torch.float32)
    torch.manual_seed(0)


def attached(where: Any, method: str = "lora", adapter: Path | None = None, **lora: Any) -> Any:
    from extune.methods import attach
    from extune.model import load_base

    given = {**LORA, "init_lora_weights": "gaussian", **lora}
    return attach(load_base(where), method, LLAMA, lora=given, prefix=PREFIX, adapter=adapter)


def step(model: Any, times: int = 3) -> float:
    import torch

    ids = torch.arange(5, 45).reshape(2, 20)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, 0.02)
    for _ in range(times):
        loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return float(loss)


def logits(model: Any) -> Any:
    import torch

    ids = torch.arange(7, 27)[None]
    model.eval()
    return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.detach()


# On a CPU bitsandbytes' own products round: 8-bit ones the activations, 4-bit ones without gradients to bfloat16.
ROUNDING = {"none": 1e-4, "nf4": 0.01, "fp4": 0.01, "int8": 0.05}
CASES = [("lora", "none"), ("lora", "nf4"), ("lora", "fp4"), ("lora", "int8"), ("prefix", "none"), ("prefix", "nf4")]


@pytest.mark.parametrize(("method", "bits"), [*CASES, ("full", "none")])
def test_what_is_served_is_what_was_trained(tiny_base: Path, tmp_path: Path, method: str, bits: str) -> None:
    import torch

    from extune.methods import save
    from extune.model import load_for_answers

    where = base(tiny_base, bits)
    model = attached(where, method)
    first = step(model, 1)
    assert step(model) < first
    wanted = logits(model)
    save(model, method, where, "tiny", tmp_path / "out")
    served = logits(load_for_answers(where, tmp_path / "out"))
    torch.testing.assert_close(served, wanted, rtol=0, atol=ROUNDING[bits])
    assert (served - logits(load_for_answers(where, None))).abs().max() > 0.1


def test_a_whole_model_needs_no_base_and_can_be_one(tiny_base: Path, tmp_path: Path) -> None:
    from extune.bases import fingerprint
    from extune.methods import save
    from extune.model import is_whole, load_encoder

    where = base(tiny_base)
    save(attached(where, "full"), "full", where, "tiny", tmp_path / "out")
    assert is_whole(tmp_path / "out")
    assert load_encoder(base(tmp_path / "out")).prompt([{"role": "user", "content": "x"}])
    assert fingerprint(tmp_path / "out") == fingerprint(tiny_base)  # nothing was trained


def test_an_adapter_trained_on_begins_where_it_ended_and_stays_one(tiny_base: Path, tmp_path: Path) -> None:
    import torch

    from extune.methods import save
    from extune.model import load_for_answers

    where = base(tiny_base, "nf4")
    model = attached(where)
    step(model)
    save(model, "lora", where, "tiny", tmp_path / "first")
    again = attached(where, adapter=tmp_path / "first")
    before, now = ({n: p for n, p in m.named_parameters() if p.requires_grad} for m in (model, again))
    assert before.keys() == now.keys()
    assert all(torch.equal(before[name], now[name]) for name in before)
    step(again)
    assert not any(torch.equal(before[name], now[name]) for name in before)
    save(again, "lora", where, "tiny", tmp_path / "second")
    served = logits(load_for_answers(where, tmp_path / "second"))
    torch.testing.assert_close(served, logits(again), rtol=0, atol=ROUNDING["nf4"])
    names = [json.loads((tmp_path / n / "adapter_config.json").read_text()) for n in ("first", "second")]
    assert names[0] | {"inference_mode": True} == names[1] | {"inference_mode": True}


def test_a_merged_model_is_a_base_for_the_next_adapter(tiny_base: Path, tmp_path: Path) -> None:
    import torch

    from extune.methods import save, save_model
    from extune.model import load_for_answers

    where = base(tiny_base, "nf4")
    model = attached(where)
    step(model)
    save(model, "lora", where, "tiny", tmp_path / "adapter")
    merged = load_for_answers(where, tmp_path / "adapter")
    save_model(merged, where, tmp_path / "merged")
    served = logits(load_for_answers(base(tmp_path / "merged"), None))
    torch.testing.assert_close(served, logits(model), rtol=0, atol=ROUNDING["nf4"])
    assert step(attached(base(tmp_path / "merged", "nf4")), 2) > 0


@pytest.mark.parametrize(
    ("method", "quantization", "message"),
    [
        ("full", BITS["nf4"], "train.method=full cannot train a quantised base.*model.quantization=null"),
        ("lora", {"load_in_4bit": True, "load_in_8bit": True}, "4 and for 8 bit"),
        ("lora", {"load_in_4bit": True, "bnb_4bit_quant_type": "nf5"}, "'nf5'. Set it to nf4 or fp4"),
        ("lora", {"load_in_4bits": True}, "unknown key 'model.quantization.load_in_4bits'.*'load_in_4bit'"),
    ],
)
def test_what_cannot_work_is_said_before_a_base_is_loaded(method: str, quantization: Any, message: str) -> None:
    from extune.methods import check

    with pytest.raises(ConfigError, match=message):
        check(method, quantization, "cpu")


def test_bfloat16_on_a_gpu_without_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from extune.methods import check

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda emulated=True: emulated)
    for name in ("bfloat16", "torch.bfloat16", torch.bfloat16):
        with pytest.raises(ConfigError, match=r"bfloat16, which this GPU does not have"):
            check("lora", {"load_in_4bit": True, "bnb_4bit_compute_dtype": name}, "cuda:0")
        check("lora", {"load_in_4bit": True, "bnb_4bit_compute_dtype": name}, "cpu")


def test_a_target_that_the_base_does_not_have_is_named_with_those_it_has(tiny_base: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no module 'q_prog'. Did you mean 'q_proj'\? It has down_proj, .*all-linear"
    ):
        attached(base(tiny_base), target_modules=["v_proj", "q_prog"])
    with pytest.raises(ConfigError, match=r"unknown key 'train.lora.alpha'.*lora_alpha"):
        attached(base(tiny_base), alpha=3)
    model = attached(base(tiny_base), target_modules="family")
    assert {name.rpartition(".")[2] for name in model.targeted_module_names} == set(LLAMA.targets)


def test_only_a_lora_adapter_of_the_same_shape_is_trained_on(
    tiny_base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from extune.methods import save

    where = base(tiny_base)
    save(attached(where, "prefix"), "prefix", where, "tiny", tmp_path / "prefix")
    save(attached(where), "lora", where, "tiny", tmp_path / "lora")
    with pytest.raises(ConfigError, match=r"a PREFIX_TUNING adapter and train.method is lora"):
        attached(where, adapter=tmp_path / "prefix")
    with pytest.raises(ConfigError, match=r"a LORA adapter and train.method is full"):
        attached(where, "full", adapter=tmp_path / "lora")
    with pytest.raises(ModelError, match=r"no adapter_config.json"):
        attached(where, adapter=tmp_path)
    attached(where, adapter=tmp_path / "lora", r=8)
    assert "train.lora.r has no effect" in caplog.text


def test_an_adapter_of_another_base_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    from extune.methods import save

    config = LlamaConfig.from_pretrained(tiny_base)
    config.hidden_size, config.num_attention_heads, config.num_key_value_heads, config.head_dim = 32, 2, 1, 16
    LlamaForCausalLM(config).save_pretrained(tmp_path / "other")
    save(attached(base(tiny_base)), "lora", base(tiny_base), "tiny", tmp_path / "lora")
    with pytest.raises(ModelError, match=r"train.adapter does not fit the base"):
        attached(base(tmp_path / "other"), adapter=tmp_path / "lora")


def greedy(model: Any, prompt: list[int], count: int) -> list[int]:
    """The plain way: everything again for every token."""
    import torch

    ids = torch.tensor([prompt])
    for _ in range(count):
        out = model(input_ids=ids, attention_mask=torch.ones_like(ids))
        ids = torch.cat([ids, out.logits[:, -1:].argmax(-1)], dim=1)
    return ids[0, len(prompt) :].tolist()


@pytest.mark.parametrize("method", ["prefix", "full", "lora"])
def test_generation_says_what_the_trained_model_says(tiny_base: Path, tmp_path: Path, method: str) -> None:
    from extune.decode import LocalGenerator
    from extune.methods import save
    from extune.model import load_encoder, load_for_answers

    where = base(tiny_base)
    model = attached(where, method)
    step(model)
    chats = [[{"role": "user", "content": text}] for text in ("Ann Lee founded Bolt.", "x")]
    encoder = load_encoder(where)
    model.eval()
    wanted = [encoder.decode(greedy(model, encoder.prompt(chat), 6)) for chat in chats]
    save(model, method, where, "tiny", tmp_path / "out")
    generator = LocalGenerator(load_for_answers(where, tmp_path / "out"), encoder, 6, 2)
    assert [answer.text for answer in generator(chats, [None, None])] == wanted


def test_an_artefact_says_how_it_was_spoken_to_and_what_it_may_be_trained_on_with(
    project: Path, tiny_base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import extune
    from extune.artefact import check_continued, find_base, read_spec, weights_digest, write_spec
    from extune.bases import fingerprint
    from extune.config import load
    from extune.methods import save
    from extune.schema import Schema

    config = load("params.yaml", None, ["model.quantization=null model.template=vanilla train.method=full"])
    mark = fingerprint(tiny_base)
    found = find_base({**config.model.model_dump(), "name": config.model.base, "fingerprint": mark})
    assert (found.family, found.template) == ("llama", "vanilla")
    save(attached(found, "full"), "full", found, "tiny", project / "out")
    write_spec(project / "out", config, Schema(relations=("r",)), mark, found.choice)
    assert read_spec(project / "out").base["template"] == "vanilla"
    extractor = extune.load(str(project / "out"), base="nowhere: it is its own base")
    assert extractor.generate.encoder.name == "vanilla"
    assert extractor.extract("x").problems is not None
    assert len(weights_digest(project / "out")) == 64

    check_continued(project / "out", config, mark, found.choice)
    other = load("params.yaml", None, ["model.template=alpaca task.system=Hi task.notation=iepile_json"])
    message = "template 'vanilla', now 'own'; notation 'triple_lines', now 'iepile_json'; system turn '', now 'Hi'"
    with pytest.raises(ModelError, match=message):
        check_continued(project / "out", other, mark, find_choice(tiny_base))
    with pytest.raises(ModelError, match=r"trained otherwise: base"):
        check_continued(project / "out", config, "f" * 64, found.choice)
    check_continued(project, config, mark, found.choice)
    assert "nobody checks" in caplog.text


def find_choice(folder: Path) -> Any:
    from extune.families import choose

    return choose(folder, "tiny")
