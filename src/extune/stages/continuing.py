"""train.adapter: where the adapter lies that is trained on. A folder, a version of the registry, or on the hub."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..config import Config
from ..errors import ConfigError, ModelError
from ..hub import ADAPTER as OF_HUB
from ..hub import download

ADAPTER = Path("models/adapter")
"""What the train stage writes."""

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
HUB = re.compile(r"(?P<name>\w[\w.-]*/[\w.-]+)(@(?P<revision>[\w./-]+))?")
"""OWNER/NAME or OWNER/NAME@REVISION."""


def adapter_folder(given: str, root: Path, scratch: Path, own: bool = False) -> Path:
    """The folder of the adapter that is named; a version's is fetched into `scratch`.

    `own`: what the train stage writes will do, since it is not about to be written. Raises ConfigError, ModelError or
    TrackingError where there is none.
    """
    if given.startswith("models:/"):
        from ..registry import adapter_of
        from ..tracking import connect

        connect(root)
        return adapter_of(given, scratch)
    return root / given if own and (root / given).is_dir() else local_folder(given, root)


def local_folder(given: str, root: Path, needed: Sequence[str] = (CONFIG, WEIGHTS)) -> Path:
    """The folder of an adapter that no registry holds; of one on the hub, the cache's with the files that are needed.

    Only the adapter's safetensors, its configuration and what extune wrote beside them are fetched: nothing pickled.
    """
    folder = root / given
    if folder.resolve() == (root / ADAPTER).resolve():
        raise ConfigError(f"train.adapter: {given} is what this stage writes", remedy="Use models:/NAME/N, or a copy")
    if folder.is_dir():
        return folder
    if "," in given:
        raise ConfigError(
            f"train.adapter: {given} are several, and one adapter is trained on, never a stack",
            remedy="`extune merge FIRST FOLDER`, then set model.base to that folder and name the last one alone",
        )
    if not (found := HUB.fullmatch(given)):
        raise ConfigError(f"train.adapter: {given} is no folder", remedy=OF_HUB.name)
    folder = download(found["name"], found["revision"], [*needed, "extractor.json"], OF_HUB)
    check_holds(folder, given, needed)
    return folder


def check_holds(folder: Path, given: str, needed: Sequence[str] = (CONFIG, WEIGHTS)) -> None:
    """Raise ModelError unless an adapter's files are there."""
    if lacking := [name for name in needed if not (folder / name).is_file()]:
        raise ModelError(
            f"train.adapter: {given} has no {' and no '.join(lacking)} (pickled weights, *.bin, are not read)",
            remedy="Name an adapter, of PEFT, in safetensors",
        )


def to_plan_with(config: Config, root: Path, scratch: Path) -> Config:
    """The settings with train.adapter as a folder that holds its configuration; of the hub that file alone is fetched.

    Raises what training would where there is no such adapter.
    """
    given = config.train.adapter
    if given is None:
        return config
    if given.startswith("models:/"):
        folder = adapter_folder(given, root, scratch)
    else:
        folder = local_folder(given, root, (CONFIG,))
    check_holds(folder, given, (CONFIG, WEIGHTS) if folder == root / given else (CONFIG,))
    return config.model_copy(update={"train": config.train.model_copy(update={"adapter": str(folder.resolve())})})
