"""Labelled text to a governed extraction model.

extune.load("models:/NAME@champion").extract(text)
extune.TripletExtractor(base, adapter).extract_triplets(text)
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["TripletExtractor", "load"]


def __getattr__(name: str) -> Any:
    """Public names come from `api`, imported only when asked for: the command line must start at once."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
