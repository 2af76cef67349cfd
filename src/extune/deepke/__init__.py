"""DeepKE-LLM's and IEPile's converter to the byte, for `extune convert --compat`.

What the reference does: https://github.com/zjunlp/DeepKE/tree/main/example/llm/InstructKGC and
https://github.com/zjunlp/IEPile. Where its output depends on the hash seed, ours is one of those it may give.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .convert import TASKS, converter
    from .options import Options
    from .schema_lines import SchemaLines, read_schema_lines

__all__ = ["TASKS", "Options", "SchemaLines", "converter", "read_schema_lines"]

_PLACES = {
    "TASKS": "convert",
    "converter": "convert",
    "Options": "options",
    "SchemaLines": "schema_lines",
    "read_schema_lines": "schema_lines",
}


def __getattr__(name: str) -> Any:
    """Imported only when asked for: `scoring` needs none of it, and is to start at once."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
