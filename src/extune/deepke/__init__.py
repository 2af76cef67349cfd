"""DeepKE-LLM's and IEPile's converter to the byte, for `extune convert --compat`.

What the reference does: https://github.com/zjunlp/DeepKE/tree/main/example/llm/InstructKGC and
https://github.com/zjunlp/IEPile. Where its output depends on the hash seed, ours is one of those it may give.
"""

from .convert import TASKS, converter
from .options import Options
from .schema_lines import SchemaLines, read_schema_lines

__all__ = ["TASKS", "Options", "SchemaLines", "converter", "read_schema_lines"]
