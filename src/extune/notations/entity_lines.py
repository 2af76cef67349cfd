"""Lines of typed mentions: one `mention_type` a line, in order of first mention; `没有` where there is none."""

from typing import Any

from ..errors import AnswerError
from ..grammar import choice, literal, substring
from ..shapes import MAX_ITEMS, Fields, Many, Span, Value
from .entity_syntax import NO_ENTITIES, escape, format_entity, parse_entities
from .notation import TRIMMED, Notation, first_place, parsed


def spell(value: Value, shape: Fields, text: str) -> str:
    """One line a mention. Raises AnswerError for a mention that its own reader would not give back."""
    rank = {label: number for number, label in enumerate(shape.fields)}
    entities = [(mention, label) for label in value for mention in value[label]]
    entities.sort(key=lambda e: (first_place(e[0], text), e[0], rank[e[1]]))
    answer = "\n".join(format_entity(*entity) for entity in entities)
    if parse_entities(answer) != entities:
        raise AnswerError(f"entity_lines cannot spell {entities!r} (white space at the ends of a mention or type)")
    return answer or NO_ENTITIES


def read(answer: str, shape: Fields) -> Value:
    """Lines to {type: [mention]}. Raises AnswerError at a line of another form or a type that was not asked for."""
    return parsed(lambda lines: _grouped(parse_entities(lines)), answer, shape)


def _grouped(entities: list[tuple[str, str]]) -> Value:
    value: dict[str, list[str]] = {}
    for mention, label in entities:
        value.setdefault(label, []).append(mention)
    return value


def salvage(answer: str, shape: Fields) -> Value:
    """The lines that can be read; the last one too where its type is whole, so not the beginning of a longer one."""
    kept: list[tuple[str, str]] = []
    lines = answer.split("\n")
    for number, line in enumerate(lines, 1):
        try:
            read(line, shape)
        except AnswerError:
            continue
        entities = parse_entities(line)
        if number < len(lines) or not any(_may_go_on(label, shape) for _, label in entities):
            kept += entities
    return _grouped(kept)


def _may_go_on(label: str, shape: Fields) -> bool:
    return any(other != label and other.startswith(label) for other in shape.fields)


def grammar(shape: Fields, text: str) -> str:
    """Lines whose type is an asked label and whose mention is copied from `text`, or `没有`."""
    none = literal(NO_ENTITIES)
    if not shape.fields:
        return f"start: {none}\n"
    more = f"({literal(chr(10))} LINE){{0,{MAX_ITEMS * len(shape.fields) - 1}}}"
    return (
        f"start: {none} | LINE {more}\n"
        'LINE: END "_" TYPE\n'
        f"TYPE: {choice(literal(escape(label)) for label in shape.fields)}\n"
        + (substring(text, escape) if _grounded(shape) else "SPAN: /([^\\\\_\\n]|\\\\[\\\\_n])+/\n")
        + TRIMMED
    )


def _grounded(shape: Fields) -> bool:
    spans = (many.of for many in shape.fields.values() if isinstance(many, Many))
    return all(isinstance(span, Span) and span.grounded for span in spans)


def prompt(instruction: str, question: Any, text: str) -> str:
    """Instruction, the asked types, the text, each on lines of its own."""
    return f"{instruction}\n{asked(question)}\n{text}"


def asked(question: Any) -> str:
    """The asked labels on one line; described ones (a mapping) on a line each."""
    if isinstance(question, dict):
        return "\n".join(f"{label}: {text}" if text else label for label, text in question.items())
    return ", ".join(question)


def fits(shape: Fields) -> bool:
    """Only lists of spans by label."""
    return all(isinstance(many, Many) and isinstance(many.of, Span) for many in shape.fields.values())


ENTITY_LINES = Notation("entity_lines", spell, read, salvage, grammar, prompt, fits)
