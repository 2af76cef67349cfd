"""The functions that make a notation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import AnswerError
from ..shapes import Fields, Value, check

Shown: TypeAlias = tuple[str, str]
"""A solved example in a prompt: its text and its answer."""
TRIMMED = r"END: SPAN & /[^\s\x1c-\x1f]((?s:.*)[^\s\x1c-\x1f])?/" + "\n"
"""White space at the ends of a span is not read back; the second set is what Python strips and regex does not."""


@dataclass(frozen=True, repr=False)
class Notation:
    """A spelling of answers.

    `spell(value, shape, text)` -> answer, deterministic; `text` gives the order of mention.
    `read(answer, shape)` -> value; raises AnswerError. `salvage` -> the whole items at the head of a broken answer.
    `grammar(shape, text)` -> Lark grammar of every valid answer about `text`.
    `prompt(instruction, question, text)` -> what the user turn says; `question`: the asked labels as JSON.
    `fits(shape)`: whether answers of this shape can be spelled so.
    `exemplify(instruction, question, text, shown)`: the prompt with solved examples; None where they stand as text.
    """

    name: str
    spell: Callable[[Value, Fields, str], str]
    read: Callable[[str, Fields], Value]
    salvage: Callable[[str, Fields], Value]
    grammar: Callable[[Fields, str], str]
    prompt: Callable[[str, Any, str], str]
    fits: Callable[[Fields], bool]
    exemplify: Callable[[str, Any, str, Sequence[Shown]], str] | None = None

    def __repr__(self) -> str:
        return f"Notation({self.name})"


def first_place(span: str, text: str) -> int:
    """Where a span first occurs; one that does not occur stands last."""
    found = text.find(span)
    return found if found >= 0 else len(text)


def parsed(parse: Callable[[str], Value], answer: str, shape: Fields) -> Value:
    """What `parse` makes of an answer, which has the shape. Raises AnswerError."""
    try:
        value = parse(answer)
        check(value, shape)
    except (ValueError, RecursionError) as exc:
        raise AnswerError(f"unread: {exc}") from None
    return value
