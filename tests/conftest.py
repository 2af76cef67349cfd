"""Fixtures shared by all tests."""

import contextlib
import gc
import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from extune.shapes import Choice, Fields, Id, Keyed, Many, Number, Shape, Slot

# Few examples each run, other ones every run; the time of one says nothing on a machine that others use too.
settings.register_profile("quick", max_examples=20, deadline=None)
# `pytest --hypothesis-profile=many tests/score`: the slow scorer then sees 11,112 cases of each of the nine tasks, 100,008.
settings.register_profile("many", max_examples=22_224, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever reads real data is an integration test: the default tier needs nothing from outside the repository."""
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.integration)


def pytest_collection_finish() -> None:
    """Modules and tests stay until the end: looking through them at each garbage collection takes a tenth of the time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked gpu say why they do not run where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: $EXTUNE_REAL_DATA, else `shared/data` beside the repository."""
    folder = Path(os.environ.get("EXTUNE_REAL_DATA", BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no real data: set EXTUNE_REAL_DATA (looked at {folder})")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program that opens a page."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no chromium or google-chrome on PATH")
    return found


class Done(NamedTuple):
    """What a call left: its exit code and what it printed."""

    code: Any
    out: str
    err: str


@pytest.fixture(scope="session")
def extune() -> Callable[..., Done]:
    """`extune WORDS` in a folder, in this process."""
    from extune.cli import main

    def call(folder: Path, *words: str) -> Done:
        out, err = io.StringIO(), io.StringIO()
        code: Any = 0
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(folder)
            patch.setenv("EXTUNE_VERBOSE", "1")  # else it silences the libraries of this process too
            patch.setattr(sys, "argv", ["extune", *words])
            try:
                main()
            except SystemExit as exc:
                code = exc.code
        return Done(code or 0, out.getvalue(), err.getvalue())

    return call


PROJECT = Path(__file__).resolve().parents[1]
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised two-layer llama with a byte-level tokenizer, in a folder."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-base")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({c: i for i, c in enumerate([*CONTROL, *letters])}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True) for token in CONTROL])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=CONTROL[1], eos_token=CONTROL[2], pad_token=CONTROL[0]
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


CORPUS = ["(张三, 毕业于, 北京)", "Ann Lee works for Bolt.", '{"人物": ["Ann"]}', "### Response: [INST] [/INST]"] * 4


@pytest.fixture(scope="session")
def metaspace() -> Callable[[bool], Any]:
    """Tokenizers as Llama 1 and 2, Mistral, Gemma have them: a space before every text, bytes for unknown characters.

    `legacy`: with a normalizer that puts the space there, in place of a pre-tokenizer.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    def make(legacy: bool) -> Any:
        trained = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
        trained.pre_tokenizer = pre_tokenizers.Metaspace()
        special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
        trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=420, special_tokens=special))
        row = json.loads(trained.to_str()) | {"added_tokens": []}
        backend = Tokenizer.from_str(json.dumps(row))
        if legacy:
            backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
            backend.pre_tokenizer = None
        else:
            backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        spelled = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        backend.decoder = decoders.Sequence(spelled)
        return backend

    return make


@pytest.fixture(scope="session")
def embedded_base() -> Path:
    """The embedded base model: the project's own, else converted once into the project's cache."""
    from extune.model import convert_packaged

    for folder in (PROJECT / "models" / "base", PROJECT / ".cache" / "base"):
        if (folder / "config.json").is_file():
            return folder
    convert_packaged("embedded", folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's files in a folder of its own, set to the tiny base and two training steps."""
    import yaml

    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    for name in ("MLproject", "params.yaml", "dvc.yaml", "data/relations.yaml"):
        shutil.copy(PROJECT / name, root / name)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["generate"] |= {"train": 60, "test": 8}
    params["model"]["base"] = str(tiny_base)
    params["train"]["sft"] |= {"max_steps": 2, "logging_steps": 1, "disable_tqdm": True}
    params["decode"] |= {"max_new_tokens": 40}
    (root / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(root)
    return root


@pytest.fixture(scope="session")
def answers() -> Callable[[Shape, str], st.SearchStrategy[Any]]:
    """Hypothesis values of any shape, their spans copied from a text: so a property is tested for every task."""

    def of(shape: Shape, text: str) -> st.SearchStrategy[Any]:
        places = range(len(text) + 1)
        spans = {text[start:end]: None for start in places for end in places[start + 1 :]}
        return _values(shape, st.sampled_from([span for span in spans if span == span.strip()]))

    return of


def _values(shape: Shape, span: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    match shape:
        case Fields(fields=fields, optional=optional):
            parts = {key: _values(inner, span) for key, inner in fields.items()}
            needed = {key: part for key, part in parts.items() if key not in optional}
            return st.fixed_dictionaries(needed, optional={key: parts[key] for key in parts if key in optional})
        case Many(of=inner):
            return st.lists(_values(inner, span), max_size=4).map(_named_apart)
        case Slot(limit=limit):
            return st.lists(span, max_size=min(limit, 3), unique=True)
        case Keyed(of=inner):
            return st.dictionaries(span, _values(inner, span), max_size=3)
        case Choice(options=options):
            return st.sampled_from(options) if options else st.text(st.sampled_from('a中" \n'), min_size=1)
        case Number():
            return st.integers(0, 100).map(lambda percent: percent / 100)
        case Id():
            return st.sampled_from(("n1", "n2", "n3", "n9"))
    return span


def _named_apart(items: list[Any]) -> list[Any]:
    """Each item that has an id with one of its own."""
    return [
        item | {"id": f"n{number}"} if isinstance(item, dict) and "id" in item else item
        for number, item in enumerate(items, 1)
    ]
