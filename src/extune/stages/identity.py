"""Which training this is: the folder of its checkpoints is named by everything that decides what is learned."""

import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import checkpoints, processes
from ..bases import sha256
from ..config import Config
from ..errors import ModelError
from ..files import atomic, read_json
from ..lineage import library_versions, md5
from .continuing import local_folder
from .data import RECORDS, SFT

BASE = Path("models/base")
NOTE = "base.note"
"""In BASE, with the base's name and fingerprint. Not `.json`: the fingerprint covers those."""

CODE = (
    *("adapters.py", "families.py", "footprint", "methods.py", "model.py", "templates.yaml", "tokens.py", "train"),
    *("unread.py", "vocabulary.py"),
)
"""What of this package decides how a model is trained."""

JUDGES = ("decode.py", "extract.py", "grammar.py", "ground.py", "notations", "prompt.py", "score", "shapes.py", "tasks")
"""And which of its states is the best one, where it is looked at."""


def checkpoint_folder(config: Config, root: Path, note: Mapping[str, Any]) -> Path:
    """The folder for checkpoints of this very training: of these settings, data, base, code and libraries."""
    known = library_versions()
    parts = {
        "seed": config.seed,
        "model": config.model.model_dump(),
        "train": config.train.model_dump(exclude={"checkpoint", "processes", "sft", "adapter"}),
        "adapter": _adapter(config.train.adapter, root),
        "sft": {key: value for key, value in config.train.sft.items() if key not in STEP},
        "spread": _spread(config, root),
        "step": rows_per_step(config),
        "data": {name: md5(root / SFT / f"{name}.jsonl") for name in ("train", "dev")},
        "base": note["fingerprint"],
        "code": _code(CODE),
        "libraries": {name: known[name] for name in ("torch", "transformers", "peft", "trl", "bitsandbytes")},
        "best": _best(config, root) if config.train.best.every is not None else None,
    }
    return root / checkpoints.FOLDER / checkpoints.identity(parts)


def _code(names: tuple[str, ...]) -> str:
    package = Path(__file__).parents[1]
    return checkpoints.code_version({name: package / name for name in names})


def _best(config: Config, root: Path) -> dict[str, Any]:
    """What decides which weights are the best."""
    data = [md5(root / RECORDS / name) for name in ("dev.jsonl", "schema.yaml")]
    return {"task": config.task.model_dump(), "data": data, "code": _code(JUDGES)}


def _spread(config: Config, root: Path) -> list[str]:
    """What puts the model or its optimiser in parts, with the content of DeepSpeed's file: its checkpoints are others.

    One process alone has no parts, whatever is asked for.
    """
    count, sft = _count(config), config.train.sft
    found = ["fsdp"] if sft.get("fsdp") and count > 1 else []
    given = sft.get("deepspeed")
    if not given or (count == 1 and not processes.joined()):
        return found
    content = sha256(root / given) if isinstance(given, str) and (root / given).is_file() else str(given)
    return [*found, f"deepspeed {content}"]


def _count(config: Config) -> int:
    return processes.size() if processes.joined() else processes.wanted(config.train.processes)


def _adapter(given: str | None, root: Path) -> Any:
    """The content of the adapter that is trained on: a folder's may change, and an alias or a branch may move."""
    if given is None:
        return None
    if given.startswith("models:/"):
        from ..registry import resolve
        from ..tracking import connect

        return resolve(connect(root), given)
    return {path.name: sha256(path) for path in sorted(local_folder(given, root).glob("adapter_*"))}


STEP = ("per_device_train_batch_size", "gradient_accumulation_steps")


def rows_per_step(config: Config) -> int:
    """Of one optimiser step, in all processes together: the same rows then make the same steps with any number."""
    return _count(config) * math.prod(int(config.train.sft.get(key) or 1) for key in STEP)


def token(folder: Path) -> str:
    """By which an interrupted training finds its run again."""
    path = folder / "token"
    if not path.is_file():
        with atomic(path) as handle:
            handle.write(uuid.uuid4().hex)
    return path.read_text(encoding="utf-8")


def interrupted(config: Config, root: Path) -> str | None:
    """The token of a training with these settings that was interrupted, if one was."""
    if not (root / BASE / NOTE).is_file() or not (root / SFT / "dev.jsonl").is_file():
        return None
    note = read_json(root / BASE / NOTE)
    folder = checkpoint_folder(pinned(config, note), root, note)
    return token(folder) if (folder / "token").is_file() else None


def pinned(config: Config, note: Mapping[str, Any]) -> Config:
    """The settings with the commit that `base` found: a branch that moves on then changes nothing.

    Raises ModelError where the base that was made ready is not the one that is asked for.
    """
    asked, found = config.model, note.get("revision")
    if note["name"] != asked.base:
        raise ModelError(
            f"models/base was made for {note['name']!r}, and model.base is {asked.base!r}",
            remedy="Run `dvc repro base`",
        )
    return config.model_copy(update={"model": asked.model_copy(update={"revision": found})}) if found else config
