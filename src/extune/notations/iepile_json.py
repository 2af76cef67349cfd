"""IEPile JSON: the answer is one JSON object, the prompt a JSON object of instruction, schema and input.

A slot is a string where it has one filler, a list where it has several, "NAN" where it has none; a lone filler
that is "NAN" itself stands in a list. Format: https://huggingface.co/datasets/zjunlp/iepile
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from ..errors import AnswerError
from ..grammar import Rules, choice, literal, repeated, selected, substring
from ..shapes import Choice, Fields, Id, Keyed, Many, Number, Shape, Slot, Span, Value
from .notation import Notation, Shown, first_place, parsed

NONE = "NAN"

_string = encode_basestring


def spell(value: Value, shape: Fields, text: str) -> str:
    """The value as JSON, keys in the shape's order, lists in order of mention in `text`."""
    return _spelled(value, shape, text, {})


def speller(shape: Fields) -> Callable[[Value, str], str]:
    """`spell` for many values of one shape, whose keys are spelled once."""
    keys = [(name, f"{_string(name)}: ", inner, isinstance(inner, Many)) for name, inner in shape.fields.items()]

    def spelled(value: Value, text: str) -> str:
        ids: dict[str, str] = {}
        pairs = [
            key + ("[]" if is_list and not value[name] else _spelled(value[name], inner, text, ids))
            for name, key, inner, is_list in keys
            if name in value
        ]
        return f"{{{', '.join(pairs)}}}"

    return spelled


def _spelled(value: Value, shape: Shape, text: str, ids: dict[str, str]) -> str:
    """The value as JSON; `ids` grows with the new name of every Id, in the order in which they come."""
    match shape:
        case Many(of=inner):
            if not value:  # most labels of most texts
                return "[]"
            if isinstance(inner, Span):
                return _strings(value, text)
            items = sorted(value, key=lambda item: _position(item, inner, text, ids)) if len(value) > 1 else value
            return f"[{', '.join([_spelled(item, inner, text, ids) for item in items])}]"
        case Fields(fields=fields):
            return _object([(key, _spelled(value[key], fields[key], text, ids)) for key in fields if key in value])
        case Keyed(of=inner):
            names = sorted(value, key=lambda name: (first_place(name, text), name))
            return _object([(name, _spelled(value[name], inner, text, ids)) for name in names])
        case Slot():
            if not value:
                return _string(NONE)
            return _string(value[0]) if len(value) == 1 and value[0] != NONE else _strings(value, text)
        case Id():
            return _string(ids.setdefault(value, f"n{len(ids) + 1}"))
        case Number():
            return json.dumps(value)
    return _string(value)


def _object(spelled: Sequence[tuple[str, str]]) -> str:
    return f"{{{', '.join([f'{_string(key)}: {value}' for key, value in spelled])}}}"


def _strings(values: Sequence[str], text: str) -> str:
    if len(values) == 1:
        return f"[{_string(values[0])}]"
    return f"[{', '.join(map(_string, sorted(values, key=lambda value: (first_place(value, text), value))))}]"


def _position(value: Value, shape: Shape, text: str, ids: Mapping[str, str]) -> tuple[Any, ...]:
    """What an item is sorted by: where its spans first occur, then all that it says."""
    leaves = list(_leaves(value, shape))
    ranks = {old: rank for rank, old in enumerate(ids)}
    places = [first_place(leaf, text) for leaf, kind in leaves if isinstance(kind, Span)]
    named = [ranks.get(leaf, len(ids)) for leaf, kind in leaves if isinstance(kind, Id)]
    return places, named, [leaf for leaf, kind in leaves if isinstance(kind, Span | Choice)]


def _leaves(value: Value, shape: Shape) -> list[tuple[str, Shape]]:
    match shape:
        case Fields(fields=fields):
            return [leaf for key, inner in fields.items() if key in value for leaf in _leaves(value[key], inner)]
        case Keyed(of=inner):
            return [leaf for key in sorted(value) for leaf in ((key, Span()), *_leaves(value[key], inner))]
        case Many(of=inner):
            return [leaf for item in value for leaf in _leaves(item, inner)]
        case Slot():
            return [(filler, Span()) for filler in sorted(value)]
    return [(value, shape)]


def read(answer: str, shape: Fields) -> Value:
    """Parse an answer. Raises AnswerError if it is not JSON or has another shape."""
    return parsed(lambda written: _listed(json.loads(written), shape), answer, shape)


def _listed(value: Value, shape: Shape) -> Value:
    """The parsed JSON with every slot a list; what has another shape is left for `check` to name."""
    match shape:
        case Slot() if isinstance(value, str):
            return [] if value == NONE else [value]
        case Fields(fields=fields) if isinstance(value, dict):
            return {key: _listed(item, fields[key]) if key in fields else item for key, item in value.items()}
        case Keyed(of=inner) if isinstance(value, dict):
            return {key: _listed(item, inner) for key, item in value.items()}
        case Many(of=inner) if isinstance(value, list):
            return [_listed(item, inner) for item in value]
    return value


def salvage(answer: str, shape: Fields) -> Value:
    """The whole items before the point where a cut answer stops: cut back, close, try again."""
    for end in (m.end() for m in reversed(list(re.finditer(r"[\]}\"]", answer)))):
        closing = _closing(answer[:end])
        if "}]" in closing:  # the last object of a list is not whole
            continue
        try:
            return read(answer[:end] + closing, shape)
        except AnswerError:
            continue
    return {}


def _closing(head: str) -> str:
    """The brackets that close everything still open in `head`."""
    open_brackets = []
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"', "", head):
        if bracket in "[{":
            open_brackets.append("]" if bracket == "[" else "}")
        elif bracket in "]}" and open_brackets:
            open_brackets.pop()
    return "".join(reversed(open_brackets))


def grammar(shape: Fields, text: str) -> str:
    """Keys and order fixed, grounded strings copied from `text`."""
    rules = Rules()
    return (
        f"start: {_rule(shape, rules)}\n"
        + rules.text()
        + substring(text, _escape)
        + 'FREE: /"([^"\\\\\\x00-\\x1f]|\\\\["\\\\\\/bfnrt]|\\\\u00[01][0-9a-f])+"/\n'
    )


def _escape(char: str) -> str:
    return json.dumps(char, ensure_ascii=False)[1:-1]


def _json(text: str) -> str:
    return literal(json.dumps(text, ensure_ascii=False))


def _rule(shape: Shape, rules: Rules) -> str:
    comma = literal(", ")
    match shape:
        case Span(grounded=grounded):
            return rules.add('"\\"" SPAN "\\""') if grounded else "FREE"
        case Slot(grounded=grounded, limit=limit):
            span = _rule(Span(grounded), rules)
            # Quote and NAN as one terminal would take every span that begins with an N; FREE has NAN among its own.
            lone = f'"\\"" (SPAN | {literal(NONE)}) "\\""' if grounded else span
            return rules.add(choice((lone, f'"[" {repeated(span, comma, limit)} "]"')))
        case Choice(options=options):
            return rules.add(choice(map(_json, options))) if options else "FREE"
        case Number():
            return rules.add(r"/0(\.[0-9]{1,2})?|1(\.00?)?/")
        case Id():
            return rules.add(r'/"n[1-9][0-9]{0,3}"/')
        case Many(of=inner, limit=limit):
            return rules.add(f'"[" {repeated(_rule(inner, rules), comma, limit)} "]"')
        case Keyed(of=inner, grounded=grounded, limit=limit):
            pair = rules.add(f'{_rule(Span(grounded), rules)} ": " {_rule(inner, rules)}')
            return rules.add(f'"{{" {repeated(pair, comma, limit)} "}}"')
        case Fields(fields=fields, optional=optional):
            pairs = [
                (f"{literal(json.dumps(key, ensure_ascii=False) + ': ')} {_rule(inner, rules)}", key in optional)
                for key, inner in fields.items()
            ]
            return rules.add(f'"{{" {selected(pairs, comma, rules)} "}}"')


def prompt(instruction: str, question: Any, text: str) -> str:
    """The instruction JSON of IEPile: instruction, schema, input, in this order."""
    return json.dumps({"instruction": instruction, "schema": question, "input": text}, ensure_ascii=False)


def exemplify(instruction: str, question: Any, text: str, shown: Sequence[Shown]) -> str:
    """The prompt with the examples before the input (https://huggingface.co/zjunlp/OneKE)."""
    examples = [{"input": example, "output": output} for example, output in shown]
    row = {"instruction": instruction, "schema": question, "example": examples, "input": text}
    return json.dumps(row, ensure_ascii=False)


IEPILE_JSON = Notation("iepile_json", spell, read, salvage, grammar, prompt, lambda shape: True, exemplify)
