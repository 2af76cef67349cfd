"""The stages of dvc.yaml: each reads files, calls a pure function and writes files. One function a stage.

They carry the same names in dvc.yaml, in MLproject and on the command line.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config import Config

Stage = Callable[[Config, Path], dict[str, Any]]
"""`(config, project root)` -> what is printed: a small flat summary."""


def stage(name: str) -> Stage:
    """The stage of that name; its module is imported only now, since some take seconds."""
    from importlib import import_module

    module = import_module(f".{MODULES[name]}", __package__)
    found: Stage = getattr(module, name)
    return found


MODULES = {
    "base": "training",
    "generate": "data",
    "prepare": "data",
    "build": "data",
    "train": "training",
    "register": "register",
    "evaluate": "evaluate",
}
"""In the order of the pipeline."""
