"""The functions that make a notation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..shapes import Fields, Value


@dataclass(frozen=True)
class Notation:
    """A spelling of answers.

    `spell(value, shape, text)` -> answer, deterministic; `text` gives the order of mention.
    `read(answer, shape)` -> value; raises AnswerError. `salvage` -> the whole items at the head of a broken answer.
    `grammar(shape, text)` -> Lark grammar of every valid answer about `text`.
    `prompt(instruction, question, text)` -> what the user turn says; `question`: the asked labels as JSON.
    `fits(shape)`: whether answers of this shape can be spelled so.
    """

    name: str
    spell: Callable[[Value, Fields, str], str]
    read: Callable[[str, Fields], Value]
    salvage: Callable[[str, Fields], Value]
    grammar: Callable[[Fields, str], str]
    prompt: Callable[[str, Any, str], str]
    fits: Callable[[Fields], bool]
