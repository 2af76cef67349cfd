"""Every family with a class in transformers: two random layers train, are registered, load and extract."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extune.config import load
from extune.families import FAMILIES, OWN, choose
from extune.records import Record
from extune.stages import stage

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

TEXT = "Ann Lee works for Bolt Robotics."
SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048,
}  # fmt: skip
HEADS = SMALL | {"head_dim": 8}
FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_kv_heads": 2}
FALCON |= {"new_decoder_architecture": True}
# Name of the base (some families are told by it), configuration class, its values, the tokenizer's kind.
MODELS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "llama": ("base-llama", "LlamaConfig", SMALL, "metaspace"),
    "llama2": ("base-llama-2-chat", "LlamaConfig", SMALL, "metaspace"),
    "llama3": ("base-llama3", "LlamaConfig", SMALL | {"vocab_size": 128256, "hidden_size": 8}, "byte-level"),
    "vicuna": ("base-vicuna", "LlamaConfig", SMALL, "metaspace"),
    "zhixi": ("base-knowlm", "LlamaConfig", SMALL, "metaspace"),
    "alpaca": ("base-alpaca", "LlamaConfig", SMALL, "metaspace"),
    "oneke": ("base-OneKE", "LlamaConfig", SMALL, "metaspace"),
    "smollm": ("base-smollm2", "LlamaConfig", SMALL, "own"),
    "smollm3": ("base", "SmolLM3Config", SMALL, "own"),
    "mistral": ("base", "MistralConfig", SMALL, "metaspace"),
    "glm4": ("base", "Glm4Config", HEADS, "byte-level"),
    "qwen2": ("base", "Qwen2Config", SMALL, "own"),
    "falcon": ("base", "FalconConfig", FALCON, "byte-level"),
    "falcon (7B)": ("base", "FalconConfig", FALCON | {"new_decoder_architecture": False}, "byte-level"),
    "gemma": ("base", "Gemma3TextConfig", HEADS | {"sliding_window": 512}, "metaspace"),
    # Further classes of the same families.
    "glm4 (glm)": ("base", "GlmConfig", HEADS, "byte-level"),
    "qwen2 (qwen3)": ("base", "Qwen3Config", HEADS, "byte-level"),
    "gemma (2)": ("base", "Gemma2Config", HEADS, "metaspace"),
    "gemma (1)": ("base", "GemmaConfig", HEADS, "metaspace"),
    "other (bloom)": ("base", "BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, "byte-level"),
}
PAIR = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
PAIRS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "t5": ("base", "T5Config", PAIR, "metaspace"),
    "t5 (mt5)": ("base", "MT5Config", PAIR | {"num_decoder_layers": 3}, "metaspace"),
}


def test_every_native_family_is_tried() -> None:
    assert {name for name, family in FAMILIES.items() if family.native and not family.seq2seq} <= set(MODELS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Any:
    """One project for all of them: its data do not depend on the base."""
    import os
    import shutil

    import yaml

    project = Path(__file__).resolve().parents[1]
    folder = tmp_path_factory.mktemp("families")
    (folder / "data").mkdir()
    for name in ("MLproject", "params.yaml", "dvc.yaml", "data/relations.yaml"):
        shutil.copy(project / name, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["generate"] |= {"train": 20, "test": 4}
    params["train"]["sft"] |= {"max_steps": 2, "logging_steps": 1, "disable_tqdm": True, "max_length": 2048}
    params["train"]["max_dropped"] = 0.5
    params["decode"] |= {"max_new_tokens": 24}
    params["task"]["notation"] = "iepile_json"  # whose answers are never empty
    (folder / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
            patch.delenv(name, raising=False)
        config = load(folder / "params.yaml")
        for name in ("generate", "prepare", "build"):
            stage(name)(config, folder)
        yield folder
    os.chdir(before)


def tokenizer(kind: str, tiny_base: Path, metaspace: Callable[[bool], Any]) -> Any:
    """With a template of its own, or without one but with the control tokens of every template."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if kind == "own":
        return AutoTokenizer.from_pretrained(tiny_base)
    names = ["<s>", "</s>", "<unk>", "<pad>", "[gMASK]", "sop", "<|system|>", "<|user|>", "<|assistant|>"]
    names += ["<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    made = AutoTokenizer.from_pretrained(tiny_base) if kind == "byte-level" else None
    backend = made.backend_tokenizer if made else metaspace(True)
    found = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    found.add_tokens(names, special_tokens=True)
    return found


def made(folder: Path, name: str, tiny_base: Path, metaspace: Callable[[bool], Any]) -> Path:
    """A base of a family with random weights, in a folder."""
    import torch
    import transformers

    called, kind, values, tokens = {**MODELS, **PAIRS}[name]
    folder /= called
    found = tokenizer(tokens, tiny_base, metaspace)
    found.save_pretrained(folder)
    ends = {f"{which}_token_id": getattr(found, f"{which}_token_id") for which in ("bos", "eos", "pad")}
    if name in PAIRS:
        ends["decoder_start_token_id"] = found.pad_token_id
    config = getattr(transformers, kind)(**({"vocab_size": len(found)} | values | ends))
    torch.manual_seed(0)
    auto = transformers.AutoModelForSeq2SeqLM if name in PAIRS else transformers.AutoModelForCausalLM
    auto.from_config(config).save_pretrained(folder)
    choice = choose(folder, str(folder))
    assert choice.family.name == name.partition(" ")[0]
    assert choice.template == (OWN if tokens == "own" else choice.family.template)
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_a_family_trains_is_registered_loads_and_extracts(
    root: Path, tiny_base: Path, metaspace: Callable[[bool], Any], tmp_path: Path, name: str
) -> None:
    import extune

    folder = made(tmp_path, name, tiny_base, metaspace)
    model = f"{MODELS[name][1]}{folder.name.replace('-', '')}"
    params = load(root / "params.yaml", None, [f"model.base={folder} tracking.model={model}"])
    stage("base")(params, root)
    assert stage("train")(params, root)["steps"] == 2
    version = stage("register")(params, root)
    found = extune.load(f"models:/{version['name']}/{version['version']}").extract(TEXT)
    assert found.raw != ("",)
    assert not [problem for problem in found.problems if problem.startswith("unread")]


@pytest.mark.parametrize("name", PAIRS)
def test_an_encoder_decoder_model_trains_is_registered_loads_and_extracts(
    root: Path, metaspace: Callable[[bool], Any], tiny_base: Path, tmp_path: Path, name: str
) -> None:
    import extune

    folder, kind = made(tmp_path, name, tiny_base, metaspace), PAIRS[name][1]
    words = f"model.base={folder} tracking.model={kind} train.sft.max_steps=4 train.sft.learning_rate=0.05"
    params = load(root / "params.yaml", None, [f"{words} train.sft.warmup_steps=0 model.quantization=null"])
    stage("base")(params, root)
    stage("train")(params, root)
    losses = [float(line.split(",")[1]) for line in (root / "plots" / "loss.csv").read_text().splitlines()[1:]]
    assert losses[-1] < losses[0]
    version = stage("register")(params, root)

    extractor = extune.load(f"models:/{version['name']}/{version['version']}")
    texts = (TEXT, "Bob.", TEXT + " Bob too.")
    together = extractor([Record(str(n), text) for n, text in enumerate(texts)])
    alone = [extractor.extract(text) for text in texts]
    assert [one.raw for one in together] == [one.raw for one in alone]
    assert not [p for one in together for p in one.problems if p.startswith("unread")]


@pytest.mark.parametrize("name", [*MODELS, *PAIRS])
def test_a_prefix_of_every_family_is_trained_and_served(
    root: Path,
    metaspace: Callable[[bool], Any],
    tiny_base: Path,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tokens that are served are those of PEFT's own forward pass, prefix and prompt read anew for each of them."""
    import torch

    import extune
    from extune import model as loading

    monkeypatch.setattr(loading, "compute_dtype", lambda: torch.float32)  # so that numbers can be compared
    folder = made(tmp_path, name, tiny_base, metaspace)
    words = f"model.base={folder} train.method=prefix model.quantization=null train.sft.learning_rate=0.05"
    params = load(root / "params.yaml", None, [f"{words} train.sft.warmup_steps=0 train.prefix.num_virtual_tokens=4"])
    stage("base")(params, root)
    assert stage("train")(params, root)["steps"] == 2
    extractor = extune.load(str(root / "models" / "adapter"))
    assert extractor.extract(TEXT).raw != ("",)

    model = extractor.generate.model
    prompts = [extractor.generate.encoder.prompt([{"role": "user", "content": text}]) for text in (TEXT, "Bob.")]
    served = generated(extractor.generate, prompts, 5)
    assert [ids for ids, _ in served] == [plainly(model, prompt, 5)[0] for prompt in prompts]
    assert [scores for _, scores in served] == [pytest.approx(plainly(model, p, 5)[1], abs=1e-3) for p in prompts]
    with torch.no_grad():
        for parameter in model.prompt_encoder.parameters():
            parameter.mul_(-20)
    assert [scores for _, scores in generated(extractor.generate, prompts, 5)] != [scores for _, scores in served]


def generated(generator: Any, prompts: list[list[int]], count: int) -> list[tuple[list[int], list[float]]]:
    """Tokens and their log-probabilities, all prompts in one batch."""
    from extune.decode import _Row

    rows = [_Row(n, prompt, None) for n, prompt in enumerate(prompts)]
    generator.max_new_tokens = count
    generator._decode(list(rows))
    return [(row.new, row.scores) for row in rows]


def plainly(model: Any, prompt: list[int], count: int) -> tuple[list[int], list[float]]:
    """The same for one prompt, everything computed again for each token."""
    import torch

    ids, new, scores = torch.tensor([prompt]), torch.empty(1, 0, dtype=torch.long), []
    for _ in range(count):
        if model.config.is_encoder_decoder:
            start = torch.full((1, 1), model.config.decoder_start_token_id)
            given = {"input_ids": ids, "decoder_input_ids": torch.cat([start, new], dim=1)}
        else:
            given = {"input_ids": torch.cat([ids, new], dim=1)}
        out = model(**given, attention_mask=torch.ones_like(given["input_ids"])).logits[:, -1].float()
        new = torch.cat([new, out.argmax(-1)[:, None]], dim=1)
        scores.append(float(out.log_softmax(-1).max()))
    return new[0].tolist(), scores
