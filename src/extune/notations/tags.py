"""Inline tags: the text itself, with a mark around each mention, like `<人名>张三</人名>来了`.

A backslash stands before `<` and `\\` of the text. An answer says where a mention stands, its value only what it is:
one occurrence of each is marked. Marks may nest, but not cross. Of a text longer than HEAD only the head is marked.
"""

import re
from collections.abc import Sequence
from typing import Any

from ..errors import AnswerError, ConfigError
from ..grammar import literal
from ..shapes import Fields, Many, Span, Value, check
from .entity_lines import asked
from .marks import Mark, place
from .notation import Notation

DEPTH = 4
"""Marks around one character: nested entities of the usual corpora have 2 or 3."""
MOST_LABELS = 1000
HEAD = 1000
"""Characters that can be marked, and twice MOST_MARKS marks in them: llguidance holds 2000 steps of a grammar."""
MOST_MARKS = 128
"""Marks of an answer about one label; twice as many where there are more labels."""


def spell(value: Value, shape: Fields, text: str) -> str:
    """The text with one occurrence of each mention marked. Raises AnswerError where that cannot be done."""
    labels = _labels(shape)
    rank = {label: number for number, label in enumerate(labels)}
    wanted = sorted({(rank[label], mention) for label in value for mention in value[label]})
    marks = place([(mention, labels[number]) for number, mention in wanted], text[:HEAD], DEPTH)
    outer_first = sorted(marks, key=lambda mark: (mark.start, -mark.end, rank[mark.label]))
    return _tagged(text, outer_first)


def _labels(shape: Fields) -> list[str]:
    """The asked labels. Raises ConfigError for more than a grammar holds."""
    if len(shape.fields) > MOST_LABELS:
        raise ConfigError(
            f"tags cannot ask for {len(shape.fields)} labels at once",
            remedy=f"Set task.split_num to {MOST_LABELS} or less, or task.notation to iepile_json",
        )
    return list(shape.fields)


def _tagged(text: str, outer_first: Sequence[Mark]) -> str:
    tags: dict[int, str] = {}
    for mark in reversed(outer_first):
        tags[mark.end] = tags.get(mark.end, "") + f"</{_name(mark.label)}>"
    for mark in outer_first:
        tags[mark.start] = tags.get(mark.start, "") + f"<{_name(mark.label)}>"
    return "".join(tags.get(at, "") + _escape(char) for at, char in enumerate(text)) + tags.get(len(text), "")


def _escape(text: str) -> str:
    return re.sub(r"[\\<]", r"\\\g<0>", text)


def _name(label: str) -> str:
    """A label inside a tag, where `>` ends it and a leading `/` closes."""
    return re.sub(r"[\\<>]|\A/", r"\\\g<0>", label)


_TOKEN = re.compile(r"\\(?P<char>[\\<])|<(?P<slash>/?)(?P<name>(?:\\.|[^\\<>])+)>|.", re.DOTALL)


def read(answer: str, shape: Fields) -> Value:
    """The marked mentions by label, each once. Raises AnswerError at a stray or unasked tag."""
    value, problems = _scanned(answer, shape)
    if problems:
        raise AnswerError(f"unread: {problems[0]}")
    try:
        check(value, shape)
        answer.encode()
    except ValueError as exc:
        raise AnswerError(f"unread: {exc}") from None
    return value


def salvage(answer: str, shape: Fields) -> Value:
    """The marks that are closed; what else looks like a tag is passed over."""
    return _scanned(answer, shape)[0]


def _scanned(answer: str, shape: Fields) -> tuple[Value, list[str]]:
    """The closed marks, and what is wrong with the others."""
    labels = {_name(label): label for label in shape.fields}
    plain: list[str] = []
    opened: list[tuple[str, int]] = []
    found: list[tuple[int, str, str]] = []
    problems: list[str] = []
    for token in _TOKEN.finditer(answer):
        name, closes = token["name"], bool(token["slash"])
        if name is None:
            plain.append(token["char"] or token[0])
            if token[0] in ("<", "\\"):
                problems.append(f"a bare {token[0]!r} at {token.start()}")
        elif name not in labels:
            problems.append(f"the tag {token[0]!r} was not asked for")
        elif not closes:
            opened.append((name, len(plain)))
        elif opened and opened[-1][0] == name and len(plain) > opened[-1][1]:
            start = opened.pop()[1]
            found.append((start, labels[name], "".join(plain[start:])))
        else:
            problems.append(f"{token[0]!r} at {token.start()} closes nothing")
    problems += [f"<{name}> is not closed" for name, _ in opened]
    return _grouped(sorted(found, key=lambda mark: mark[0])), problems


def _grouped(found: Sequence[tuple[int, str, str]]) -> Value:
    value: dict[str, list[str]] = {}
    for _, label, mention in found:
        mentions = value.setdefault(label, [])
        if mention not in mentions:
            mentions.append(mention)
    return value


# What the 64 bits of a rule's parameter hold: the place in the text, how many marks were opened, and, one above the
# other, the labels of the open ones. https://github.com/guidance-ai/llguidance/blob/main/docs/parametric.md
_PLACE, _MARKS, _LABELS, _WIDTH = "[0:10]", "[10:19]", 19, 11
_ONLY_PLACE = (1 << 10) - 1


def grammar(shape: Fields, text: str) -> str:
    """The text in its order, only where tags open and close is free; tags balanced and around something."""
    head, rest = text[:HEAD], _rest(text[HEAD:])
    if not shape.fields or not head:
        return f"start: {literal(_escape(text))}\n"
    names = [_name(label) for label in _labels(shape)]
    limit = MOST_MARKS * min(len(names), 2)
    chars = [f"{literal(_escape(char))} %if eq(_, {at})" for at, char in enumerate(head)]
    rules = ["start: copy0::0", f"char::_: {_either(chars)}"]
    for depth in range(DEPTH + 1):
        opens = [f"open{depth}::incr({_MARKS}) %if and(lt({_PLACE}, {len(head)}), lt({_MARKS}, {limit}))"]
        ends = _closing(names, depth) if depth else [f"{rest} %if eq({_PLACE}, {len(head)})"]
        inner = opens if depth < DEPTH else []
        rules += [
            f"copy{depth}::_: {_either([*_copying(depth), *ends, *inner])}",
            f"full{depth}::_: {_either([*_copying(depth), *inner])}",
        ]
        if inner:
            rules.append(f"open{depth}::_: {_either(_opening(names, depth + 1))}")
    return "\n".join(rules) + "\n"


def _rest(text: str) -> str:
    """The text after the head in short pieces: a long literal costs its length at every token."""
    return " ".join(literal(_escape(text[at : at + 32])) for at in range(0, len(text), 32)) or '""'


def _either(options: Sequence[str]) -> str:
    return "\n | ".join(options)


def _copying(depth: int) -> list[str]:
    return [f"char::bit_and({_ONLY_PLACE}) copy{depth}::incr({_PLACE})"]


def _opening(names: Sequence[str], depth: int) -> list[str]:
    """A tag, its label noted in the parameter; `full`: something has to follow before it may close."""
    start = _LABELS + _WIDTH * (depth - 1)
    return [f"{literal(f'<{name}>')} full{depth}::bit_or({n << start})" for n, name in enumerate(names, 1)]


def _closing(names: Sequence[str], depth: int) -> list[str]:
    """The tag of the label that is noted, which is then forgotten."""
    start = _LABELS + _WIDTH * (depth - 1)
    after, noted = f"copy{depth - 1}::bit_and({(1 << start) - 1})", f"[{start}:{start + _WIDTH}]"
    return [f"{literal(f'</{name}>')} {after} %if eq({noted}, {n})" for n, name in enumerate(names, 1)]


def prompt(instruction: str, question: Any, text: str) -> str:
    """Instruction, the asked types, the text, each on lines of its own."""
    return f"{instruction}\n{asked(question)}\n{text}"


def fits(shape: Fields) -> bool:
    """Only lists of spans by label, all of them grounded: a mark can stand only on what the text has."""
    return all(
        isinstance(many, Many) and isinstance(many.of, Span) and many.of.grounded for many in shape.fields.values()
    )


TAGS = Notation("tags", spell, read, salvage, grammar, prompt, fits)
