"""What is trained, stored and served by each method: the same numbers, on every kind of base."""

import json
from itertools import pairwise
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

    model.train()  # else 4-bit weights are repacked on a CPU
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


@pytest.mark.parametrize("bits", ["nf4", "int8"])
def test_an_adapter_trained_on_and_on_is_still_one_over_the_same_base(
    tiny_base: Path, tmp_path: Path, bits: str
) -> None:
    import torch

    from extune.methods import save
    from extune.model import load_for_answers

    where = base(tiny_base, bits)
    first = attached(where)
    frozen = {name: p.clone() for name, p in first.named_parameters() if not p.requires_grad}
    learned, folders, answers = None, [tmp_path / name for name in "abc"], []
    for before, folder in zip([None, *folders], folders, strict=False):
        model = attached(where, adapter=before) if before else first
        if learned is not None:
            assert all(torch.equal(learned[name], p) for name, p in model.named_parameters() if p.requires_grad)
        step(model)
        learned = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
        assert all(torch.equal(frozen[name], p) for name, p in model.named_parameters() if not p.requires_grad)
        save(model, "lora", where, "tiny", folder)
        # By itself over the base as it was quantised: what was learned before is in it, and once.
        answers.append(logits(load_for_answers(where, folder)))
        torch.testing.assert_close(answers[-1], logits(model), rtol=0, atol=ROUNDING[bits])
    assert all((one - other).abs().max() > 0.1 for one, other in pairwise(answers))
    settings = [json.loads((folder / "adapter_config.json").read_text()) for folder in folders]
    assert settings[0] == settings[1] == settings[2]


def test_merging_dequantises_first_and_rounds_no_weight_again(tiny_base: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    from extune.methods import save
    from extune.model import load_base, load_for_answers

    where = base(tiny_base, "nf4")
    model = attached(where)
    step(model)
    save(model, "lora", where, "tiny", tmp_path / "adapter")
    name = "model.layers.1.mlp.down_proj.weight"
    part = model.get_submodule(f"base_model.model.{name.removesuffix('.weight')}")
    plain = load_for_answers(where, None).get_parameter(name)
    change = (part.lora_B["default"].weight @ part.lora_A["default"].weight) * part.scaling["default"]
    merged = load_for_answers(where, tmp_path / "adapter").get_parameter(name)
    torch.testing.assert_close(merged, plain + change, rtol=0, atol=1e-6)
    # The way not taken: PEFT merges into 4 bits, which rounds every weight a second time.
    rounded = PeftModel.from_pretrained(load_base(where), tmp_path / "adapter").merge_and_unload()
    other = rounded.dequantize(dtype=torch.float32).get_parameter(name)
    assert (other - merged).abs().max() > 100 * (merged - plain - change).abs().max()


def test_a_merged_model_is_a_base_for_the_next_adapter(project: Path) -> None:
    """With `extune merge`, of an adapter of the pipeline, trained over NF4."""
    import torch

    import extune
    from extune.artefact import find_base, read_spec
    from extune.config import load
    from extune.model import load_for_answers
    from extune.stages import stage
    from extune.stages.merging import merge

    words = "train.lora.init_lora_weights=gaussian train.sft.learning_rate=0.05 train.sft.warmup_steps=0"
    for name in ("base", "generate", "prepare", "build", "train"):
        stage(name)(load("params.yaml", None, [words]), project)
    had = read_spec(Path("models/adapter")).base
    assert had["quantization"]["load_in_4bit"]
    served = logits(load_for_answers(find_base(had), Path("models/adapter")))
    merge(load("params.yaml"), project, "models/adapter", project / "models" / "merged")
    merged = logits(load_for_answers(base(project / "models/merged"), None))
    torch.testing.assert_close(merged, served, rtol=0, atol=1e-5)
    assert (merged - logits(load_for_answers(find_base(had), None))).abs().max() > 0.1

    kept = f"{words} model.base=models/merged model.family={had['family']} model.template={had['template']}"
    config = load("params.yaml", None, [kept])
    for name in ("base", "train"):
        done = stage(name)(config, project)
    assert done["steps"] == 2
    assert read_spec(Path("models/adapter")).base["fingerprint"] != had["fingerprint"]
    assert extune.load("models/adapter").extract("x").raw


def test_a_prefix_that_the_attention_does_not_take_is_refused_before_training(tmp_path: Path) -> None:
    from transformers import FalconConfig, FalconForCausalLM

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 259}
    # PEFT goes by num_key_value_heads, this attention by num_kv_heads.
    config = FalconConfig(**sizes, new_decoder_architecture=True, num_kv_heads=2, num_key_value_heads=2)
    FalconForCausalLM(config).save_pretrained(tmp_path / "falcon")
    with pytest.raises(ConfigError, match=r"train.method=prefix does not fit .*FalconForCausalLM \(Sizes of .*=lora"):
        attached(base(tmp_path / "falcon"), "prefix")


@pytest.mark.parametrize(
    ("method", "quantization", "message"),
    [
        ("full", BITS["nf4"], "train.method=full cannot train a quantised base.*model.quantization=null"),
        ("lora", {"load_in_4bit": True, "load_in_8bit": True}, "4 and for 8 bit"),
        ("lora", {"load_in_4bit": True, "bnb_4bit_quant_type": "nf5"}, '"nf5". Set it to nf4 or fp4'),
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
