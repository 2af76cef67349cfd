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
FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "new_decoder_architecture": True}
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
    "gemma": ("base", "Gemma3TextConfig", HEADS | {"sliding_window": 512}, "metaspace"),
    # Further classes of the same families.
    "glm4 (glm)": ("base", "GlmConfig", HEADS, "byte-level"),
    "qwen2 (qwen3)": ("base", "Qwen3Config", HEADS, "byte-level"),
    "gemma (2)": ("base", "Gemma2Config", HEADS, "metaspace"),
    "gemma (1)": ("base", "GemmaConfig", HEADS, "metaspace"),
    "other (bloom)": ("base", "BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, "byte-level"),
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


@pytest.mark.parametrize("name", MODELS)
def test_a_family_trains_is_registered_loads_and_extracts(
    root: Path, tiny_base: Path, metaspace: Callable[[bool], Any], tmp_path: Path, name: str
) -> None:
    import torch
    import transformers

    import extune

    called, kind, values, tokens = MODELS[name]
    folder, family = tmp_path / called, name.partition(" ")[0]
    made = tokenizer(tokens, tiny_base, metaspace)
    made.save_pretrained(folder)
    special = {"bos_token_id": made.bos_token_id, "eos_token_id": made.eos_token_id, "pad_token_id": made.pad_token_id}
    config = getattr(transformers, kind)(**({"vocab_size": len(made)} | values | special))
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    choice = choose(folder, str(folder))
    assert choice.family.name == family
    assert choice.template == (OWN if tokens == "own" else choice.family.template)

    params = load(root / "params.yaml", None, [f"model.base={folder} tracking.model={kind}{called.replace('-', '')}"])
    stage("base")(params, root)
    assert stage("train")(params, root)["steps"] == 2
    version = stage("register")(params, root)
    found = extune.load(f"models:/{version['name']}/{version['version']}").extract(TEXT)
    assert found.raw != ("",)
    assert not [problem for problem in found.problems if problem.startswith("unread")]


@pytest.mark.parametrize("kind", ["T5Config", "MT5Config"])
def test_an_encoder_decoder_model_trains_is_registered_loads_and_extracts(
    root: Path, metaspace: Callable[[bool], Any], tiny_base: Path, tmp_path: Path, kind: str
) -> None:
    import torch
    import transformers

    import extune

    folder = tmp_path / "base"
    made = tokenizer("metaspace", tiny_base, metaspace)
    made.save_pretrained(folder)
    small = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": len(made)}
    ends = {"decoder_start_token_id": made.pad_token_id, "eos_token_id": made.eos_token_id}
    config = getattr(transformers, kind)(**small, **ends, pad_token_id=made.pad_token_id)
    torch.manual_seed(0)
    transformers.AutoModelForSeq2SeqLM.from_config(config).save_pretrained(folder)
    assert choose(folder, str(folder)).family.name == "t5"

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
