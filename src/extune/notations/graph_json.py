"""Graph JSON: a knowledge graph spelled as in IEPile JSON, asked for in plain words."""

import json
from typing import Any

from ..shapes import Fields, Id, Many
from . import iepile_json
from .notation import Notation


def prompt(instruction: str, question: Any, text: str) -> str:
    """Instruction, the types as one line of JSON unless they are open, then the text."""
    types = {name: labels for name, labels in question.items() if labels}
    lines = [json.dumps(types, ensure_ascii=False)] if types else []
    return "\n".join([instruction, *lines, text])


def fits(shape: Fields) -> bool:
    """Only entities and relationships that refer to each other by id."""
    return list(shape.fields) == ["entities", "relationships"] and all(
        isinstance(many, Many) and isinstance(many.of, Fields) and Id() in many.of.fields.values()
        for many in shape.fields.values()
    )


GRAPH_JSON = Notation(
    "graph_json", iepile_json.spell, iepile_json.read, iepile_json.salvage, iepile_json.grammar, prompt, fits
)
