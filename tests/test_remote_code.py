"""Bases with code of their own: a slow tokenizer and a model class in .py files beside the weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extune.bases import fingerprint
from extune.errors import ConfigError, ModelError

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

MODELLING = "from transformers import LlamaForCausalLM\n\n\nclass OurModel(LlamaForCausalLM):\n    pass\n"
TOKENIZING = """
import json
from transformers import PreTrainedTokenizer

class OurTokenizer(PreTrainedTokenizer):
    vocab_files_names = {"vocab_file": "pieces.txt"}

    def __init__(self, vocab_file, **given):
        with open(vocab_file, encoding="utf-8") as handle:
            self.pieces = json.load(handle)
        self.numbers = {piece: number for number, piece in enumerate(self.pieces)}
        super().__init__(**given)

    @property
    def vocab_size(self):
        return len(self.pieces)

    def get_vocab(self):
        return {**self.numbers, **self.added_tokens_encoder}

    def _tokenize(self, text, **_):
        return [c if c in self.numbers else b for c in "\\u2581" + text.replace(" ", "\\u2581")
                for b in ([c] if c in self.numbers else [f"<0x{x:02X}>" for x in c.encode()])]

    def _convert_token_to_id(self, token):
        return self.numbers.get(token, 0)

    def _convert_id_to_token(self, number):
        return self.pieces[number]

    def save_vocabulary(self, save_directory, filename_prefix=None):
        return ()
"""


@pytest.fixture(scope="module")
def remote(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ChatGLM comes: AutoModel alone, and a tokenizer without tokenizer.json that puts a space before a text."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("remote")
    letters = [chr(c) for c in range(33, 127) if c not in b"<>"]
    pieces = ["<unk>", "<s>", "</s>", "\u2581", *letters, *(f"<0x{byte:02X}>" for byte in range(256))]
    small = LlamaConfig.from_pretrained(tiny_base, vocab_size=len(pieces), eos_token_id=2, pad_token_id=2)
    LlamaForCausalLM(small).save_pretrained(folder)
    (folder / "pieces.txt").write_text(json.dumps(pieces), encoding="utf-8")
    (folder / "tokenization_ours.py").write_text(TOKENIZING, encoding="utf-8")
    (folder / "modeling_ours.py").write_text(MODELLING, encoding="utf-8")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_ours.OurModel"}
    (folder / "config.json").write_text(json.dumps(config))
    ours = {"auto_map": {"AutoTokenizer": ["tokenization_ours.OurTokenizer", None]}, "bos_token": "<s>"}
    ours |= {"tokenizer_class": "OurTokenizer", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(ours))
    return folder


def test_its_own_code_runs_only_where_it_is_asked_for(remote: Path) -> None:
    from extune.model import Base, load_base, load_encoder

    with pytest.raises(ModelError, match=r"cannot load the base model"):
        load_encoder(Base(str(remote), {}))
    assert type(load_base(Base(str(remote), {}, None, True))).__name__ == "OurModel"
    assert type(load_encoder(Base(str(remote), {}, None, True)).tokenizer).__name__ == "OurTokenizer"


def test_a_slow_tokenizer_trains_and_is_held_to_the_grammar(remote: Path, tmp_path: Path) -> None:
    from extune.artefact import find_base, load_extractor, write_spec
    from extune.config import Config
    from extune.methods import attach, save
    from extune.model import load_base, load_encoder
    from extune.schema import Schema
    from extune.sections import Data

    mark = fingerprint(remote, True)
    config = Config(data=Data(source="x"), model={"base": str(remote), "trust_remote_code": True})
    base = find_base({**config.model.model_dump(), "name": str(remote), "fingerprint": mark})
    encoder = load_encoder(base)
    _, labels = encoder.example([{"role": "user", "content": "Ann Lee"}], '{"r": []}')
    assert encoder.decode([i for i in labels if i >= 0][:-1]) == '{"r": []}'
    model = attach(load_base(base), "lora", base.choice.family, lora={"target_modules": "all-linear"}, prefix={})
    save(model, "lora", base, "remote", tmp_path / "out")
    write_spec(tmp_path / "out", config, Schema(relations=("works for",)), mark, base.choice)
    found = load_extractor(tmp_path / "out").extract("Ann Lee works for <s>Bolt</s>.")
    assert not [problem for problem in found.problems if problem.startswith("unread")]
    assert found.raw[0].startswith('{"works for": [')


def test_its_code_is_part_of_the_fingerprint_where_it_is_run(remote: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(remote, tmp_path / "copy")
    plain, coded = fingerprint(folder), fingerprint(folder, True)
    assert plain != coded
    (folder / "modeling_ours.py").write_text(MODELLING + "# changed\n", encoding="utf-8")
    assert fingerprint(folder) == plain
    assert fingerprint(folder, True) != coded


def test_code_of_another_repository_is_not_run(remote: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(remote, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "someone/else--modeling_ours.OurModel"}
    (folder / "config.json").write_text(json.dumps(config))
    fingerprint(folder)
    with pytest.raises(ModelError, match=r"lies in another repository, 'someone/else', and nothing pins it"):
        fingerprint(folder, True)


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "abc123"])
def test_a_hub_models_code_needs_a_commit(revision: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    from extune.artefact import base_folder

    asked: list[Any] = []
    fake: Callable[..., str] = lambda name, revision, **_: asked.append(revision) or "there"  # noqa: E731
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    with pytest.raises(ConfigError, match=r"runs the code of 'THUDM/chatglm3-6b'.*40 hex digits"):
        base_folder("THUDM/chatglm3-6b", revision, True)
    assert base_folder("THUDM/chatglm3-6b", "a" * 40, True) == "there"
    assert base_folder("THUDM/chatglm3-6b", revision) == "there"
    assert asked == ["a" * 40, revision]


def test_a_folders_code_needs_none(remote: Path) -> None:
    from extune.artefact import base_folder

    assert base_folder(str(remote), None, True) == str(remote)
