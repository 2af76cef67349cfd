"""Lines of triples: one `(head, relation, tail)` a line, in order of mention; no triple, no line."""

from typing import Any

from ..errors import AnswerError
from ..grammar import choice, literal, repeated, substring
from ..shapes import MAX_ITEMS, Fields, Many, Span, Value
from .notation import TRIMMED, Notation, first_place, parsed
from .triple_syntax import escape, format_triple, parse_triples


def spell(value: Value, shape: Fields, text: str) -> str:
    """One line a triple. Raises AnswerError for a triple that its own reader would not give back."""
    triples = [(pair["head"], label, pair["tail"]) for label in value for pair in value[label]]
    triples.sort(key=lambda t: (first_place(t[0], text), first_place(t[2], text)))
    answer = "\n".join(format_triple(*triple) for triple in triples)
    if parse_triples(answer) != triples:
        raise AnswerError(f"triple_lines cannot spell {triples!r} (white space at the ends of a span)")
    return answer


def read(answer: str, shape: Fields) -> Value:
    """Lines to {relation: [{head, tail}]}. Raises AnswerError at a line that is no triple or an unasked relation."""
    return parsed(lambda lines: _grouped(parse_triples(lines)), answer, shape)


def _grouped(triples: list[tuple[str, str, str]]) -> Value:
    value: dict[str, list[dict[str, str]]] = {}
    for head, label, tail in triples:
        value.setdefault(label, []).append({"head": head, "tail": tail})
    return value


def salvage(answer: str, shape: Fields) -> Value:
    """The lines that can be read; a last one that ends unlike it began may be cut inside a span."""
    kept: list[tuple[str, str, str]] = []
    lines = answer.split("\n")
    if lines[-1].lstrip().startswith("(") and not lines[-1].rstrip().endswith(")"):
        lines.pop()
    for line in lines:
        try:
            read(line, shape)
        except AnswerError:
            continue
        kept += parse_triples(line)
    return _grouped(kept)


def grammar(shape: Fields, text: str) -> str:
    """Lines whose relation is an asked label and whose ends are copied from `text`."""
    grounded = _ends_grounded(shape)
    labels = choice(literal(escape(label)) for label in shape.fields) if shape.fields else None
    if labels is None:
        return 'start: ""\n'
    return (
        f"start: {repeated('line', literal(chr(10)), MAX_ITEMS * len(shape.fields))}\n"
        'line: "(" END ", " relation ", " END ")"\n'
        f"relation: {labels}\n"
        + (substring(text, escape) if grounded else "SPAN: /([^\\\\,()\\n]|\\\\[\\\\,()n])+/\n")
        + TRIMMED
    )


def _ends_grounded(shape: Fields) -> bool:
    for many in shape.fields.values():
        assert isinstance(many, Many)
        assert isinstance(many.of, Fields)
        return all(isinstance(end, Span) and end.grounded for end in many.of.fields.values())
    return True


def prompt(instruction: str, question: Any, text: str) -> str:
    """Instruction, then the text; the relations are not listed: they are learned, and held by the grammar."""
    return f"{instruction}\n{text}"


def fits(shape: Fields) -> bool:
    """Only head-tail pairs by relation."""
    return all(
        isinstance(many, Many) and isinstance(many.of, Fields) and list(many.of.fields) == ["head", "tail"]
        for many in shape.fields.values()
    )


TRIPLE_LINES = Notation("triple_lines", spell, read, salvage, grammar, prompt, fits)
