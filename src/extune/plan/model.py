"""What can be known of a base without loading it: its config.json, and its tokenizer where that is here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..bases import PACKAGED
from ..config import Config
from ..errors import ModelError
from ..files import read_json
from ..hub import download
from ..sections import Model

EMBEDDED = {
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
    "dtype": "bfloat16",
}
"""SmolLM2-135M's config.json, for plans made before `extune base`."""


def read_config(model: Model, root: Path) -> tuple[dict[str, Any], Path | None]:
    """config.json and the folder it lies in, None if it is only the configuration that is here.

    A Hugging Face id costs the download of that one file at most. Raises ModelError where there is none.
    """
    if model.base in PACKAGED:
        folder = root / "models" / "base"
        return (_read(folder), folder) if (folder / "config.json").is_file() else (EMBEDDED, None)
    path = Path(model.base)
    if path.is_dir():
        return _read(path), path
    found = download(model.base, model.revision, ("config.json",))
    return _read(found), found


def continuing(config: Config, root: Path) -> Config:
    """With the settings of the adapter that is trained on, where that lies in a folder: training keeps them."""
    path = config.train.adapter and root / config.train.adapter / "adapter_config.json"
    if not path or not path.is_file():
        return config
    own = read_json(path)
    kept = {key: own[key] for key in ("r", "lora_alpha", "lora_dropout", "target_modules") if own.get(key) is not None}
    train = config.train.model_copy(update={"lora": {**config.train.lora, **kept}})
    return config.model_copy(update={"train": train})


def _read(folder: Path) -> dict[str, Any]:
    found = read_json(folder / "config.json", "Set model.base to a folder with a model")
    if not isinstance(found, dict):
        raise ModelError("not a model's configuration", where=str(folder / "config.json"))
    return found


def stored_bytes(config: Mapping[str, Any]) -> int:
    """Bytes of a parameter on disk."""
    kind = str(config.get("dtype") or config.get("torch_dtype") or "bfloat16")
    return 4 if "32" in kind else 2
