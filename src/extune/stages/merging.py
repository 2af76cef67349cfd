"""merge: a base with an adapter merged into it, as a folder that `model.base` may name."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..artefact import SPEC, find_base, read_spec
from ..config import Config
from ..errors import ConfigError, ModelError
from ..files import read_json
from .continuing import CONFIG, adapter_folder
from .identity import BASE, NOTE, pinned


def merge(config: Config, root: Path, given: str, target: Path) -> dict[str, Any]:
    """Write the merged model: the adapter's own base if it says which, else `model.base`, as it was quantised for it.

    `given`: what train.adapter may be, or what this project has trained last. Raises ConfigError for a folder that is
    there, ModelError for an adapter that does not fit or cannot be merged.
    """
    if target.exists():
        raise ConfigError(f"{target} is there already", remedy="Name a new folder")
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            name = _written(config, root, adapter_folder(given, root, Path(scratch), own=True), fresh)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return {"base": name, "adapter": given, "written": str(target)}


def _written(config: Config, root: Path, adapter: Path, target: Path) -> str:
    from ..methods import save_model
    from ..model import load_for_answers

    wanted = read_spec(adapter).base if (adapter / SPEC).is_file() else _asked(config, root)
    if (kind := read_json(adapter / CONFIG, "Name a folder with an adapter")["peft_type"]) != "LORA":
        raise ModelError(
            f"a {kind} adapter cannot be merged", where=str(adapter), remedy="Only LoRA can: it adds weights"
        )
    base = find_base(wanted)
    target.parent.mkdir(parents=True, exist_ok=True)
    save_model(load_for_answers(base, adapter), base, target)
    return str(wanted["name"])


def _asked(config: Config, root: Path) -> dict[str, Any]:
    note = read_json(root / BASE / NOTE, "Run `extune base`")
    model = pinned(config, note).model
    return {**model.model_dump(), "name": note["name"], "fingerprint": note["fingerprint"]}
