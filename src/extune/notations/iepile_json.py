"""IEPile JSON: the answer is one JSON object, the prompt a JSON object of instruction, schema and input.

Format: https://huggingface.co/datasets/zjunlp/iepile
"""

import json
import re
from typing import Any

from ..errors import AnswerError
from ..grammar import literal, repeated, substring
from ..shapes import Fields, Many, Shape, Span, Value, check
from .notation import Notation


def spell(value: Value, shape: Fields, text: str) -> str:
    """The value as JSON, keys in the shape's order, lists in order of mention in `text`."""
    return json.dumps(_ordered(value, shape, text), ensure_ascii=False)


def _ordered(value: Value, shape: Shape, text: str) -> Value:
    match shape:
        case Fields(fields=fields):
            return {key: _ordered(value[key], inner, text) for key, inner in fields.items() if key in value}
        case Many(of=inner):
            return sorted((_ordered(item, inner, text) for item in value), key=lambda item: _position(item, text))
    return value


def _position(item: Value, text: str) -> tuple[int, ...]:
    """Where the strings of an item first occur; one that does not occur stands last."""
    strings = item.values() if isinstance(item, dict) else (item,)
    places = (text.find(s) if isinstance(s, str) else 0 for s in strings)
    return tuple(place if place >= 0 else len(text) for place in places)


def read(answer: str, shape: Fields) -> Value:
    """Parse an answer. Raises AnswerError if it is not JSON or has another shape."""
    try:
        value = json.loads(answer)
        check(value, shape)
    except (ValueError, RecursionError) as exc:
        raise AnswerError(f"unread: {exc}") from None
    return value


def salvage(answer: str, shape: Fields) -> Value:
    """The whole items before the point where a cut answer stops: cut back, close, try again."""
    for end in (m.end() for m in reversed(list(re.finditer(r"[\]}\"]", answer)))):
        for closing in _closings(answer[:end]):
            try:
                return read(answer[:end] + closing, shape)
            except AnswerError:
                continue
    return {}


def _closings(head: str) -> tuple[str, ...]:
    """The brackets that close everything still open in `head`."""
    open_brackets = []
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"', "", head):
        if bracket in "[{":
            open_brackets.append("]" if bracket == "[" else "}")
        elif bracket in "]}" and open_brackets:
            open_brackets.pop()
    return ("".join(reversed(open_brackets)),)


def grammar(shape: Fields, text: str) -> str:
    """Keys and order fixed, grounded strings copied from `text`."""
    return (
        f"start: {_rule(shape)}\n"
        + substring(text, _escape)
        + 'FREE: /"([^"\\\\\\x00-\\x1f]|\\\\["\\\\\\/bfnrt]|\\\\u00[01][0-9a-f])+"/\n'
    )


def _escape(char: str) -> str:
    return json.dumps(char, ensure_ascii=False)[1:-1]


def _rule(shape: Shape) -> str:
    match shape:
        case Span(grounded=grounded):
            return '"\\"" SPAN "\\""' if grounded else "FREE"
        case Many(of=inner, limit=limit):
            return f'"[" {repeated(f"({_rule(inner)})", literal(", "), limit)} "]"'
        case Fields(fields=fields):
            parts = [f"{literal(json.dumps(k, ensure_ascii=False) + ': ')} {_rule(v)}" for k, v in fields.items()]
            return '"{" ' + f" {literal(', ')} ".join(parts) + ' "}"'


def prompt(instruction: str, question: Any, text: str) -> str:
    """The instruction JSON of IEPile: instruction, schema, input, in this order."""
    return json.dumps({"instruction": instruction, "schema": question, "input": text}, ensure_ascii=False)


IEPILE_JSON = Notation("iepile_json", spell, read, salvage, grammar, prompt, fits=lambda shape: True)
