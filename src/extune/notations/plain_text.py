"""Plain text: the answer to one question as it stands; `没有` or `none` where the document does not say.

The word follows the language of the document, so it needs no setting; both are read. Several answers stand on a line
each. A backslash stands before `\\`, a newline is `\\n`, and an answer that is itself such a word has a `\\` behind it.
"""

import re
from typing import Any

from ..errors import AnswerError
from ..grammar import literal, substring
from ..records import detect_language
from ..shapes import Fields, Slot, Value, check
from .notation import Notation, first_place

NO_ANSWER = {"zh": "没有", "en": "none"}
LONGEST = 4096
"""Characters of an answer in words of its own; one that goes on without end must end."""


def spell(value: Value, shape: Fields, text: str) -> str:
    """The answers, a line each, in order of mention. Raises AnswerError for one that would not be read back."""
    question, slot = _asked(shape)
    answers = sorted(value.get(question, ()), key=lambda answer: (first_place(answer, text), answer))
    long = [len(answer) for answer in answers if len(answer) > LONGEST and not slot.grounded]
    if long:
        raise AnswerError(f"plain_text cannot spell an answer of {long[0]} characters, more than {LONGEST}")
    answer = "\n".join(map(_line, answers)) or NO_ANSWER[detect_language(text)]
    if _answers(answer) != answers:
        raise AnswerError(f"plain_text cannot spell {answers!r} (an answer of white space alone)")
    return answer


def _asked(shape: Fields) -> tuple[str, Slot]:
    ((question, slot),) = shape.fields.items()
    assert isinstance(slot, Slot)
    return question, slot


def _line(answer: str) -> str:
    line = _escape(answer)
    return f"{line}\\" if _says_none(line) else line


def _says_none(line: str) -> bool:
    return line.strip() in NO_ANSWER.values()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _answers(text: str) -> list[str]:
    return [_unescape(line) for line in text.split("\n") if line.strip() and not _says_none(line)]


def _unescape(line: str) -> str:
    """A backslash before any other letter is only itself: formulas that a model copied have it so."""
    if _says_none(line.removesuffix("\\")):
        return line.removesuffix("\\")
    return re.sub(r"\\([\\n])", lambda match: "\n" if match[1] == "n" else match[1], line)


def read(answer: str, shape: Fields) -> Value:
    """{question: [answer, ...]}. Raises AnswerError for silence, and for more answers than were asked for."""
    if not answer.strip():
        raise AnswerError("unread: an empty answer")
    value = {_asked(shape)[0]: _answers(answer)}
    try:
        check(value, shape)
    except ValueError as exc:
        raise AnswerError(f"unread: {exc}") from None
    return value


def salvage(answer: str, shape: Fields) -> Value:
    """The lines before the last, which may be cut; no whole line is not the same as the word for no answer."""
    question, slot = _asked(shape)
    whole = _answers(answer.rpartition("\n")[0])
    return {question: whole[: slot.limit]} if whole else {}


def grammar(shape: Fields, text: str) -> str:
    """The word for no answer, or lines copied from `text`, each with more than white space."""
    _, slot = _asked(shape)
    more = f" ({literal(chr(10))} line){{0,{slot.limit - 1}}}" if slot.limit > 1 else ""
    free = f"SPAN: /([^\\\\\\n]|\\\\[\\\\n]){{1,{LONGEST}}}/\n"
    return (
        f"start: {literal(NO_ANSWER[detect_language(text)])} | line{more}\n"
        "line: LINE | WORD\n" + (substring(text, _escape) if slot.grounded else free) + _LINES
    )


# A line of white space is not read back; the second set is what Python strips and regex does not.
_LINES = (
    r"LINE: SPAN & /(?s:.*)[^\s\x1c-\x1f](?s:.*)/" + "\n"
    rf"NONE: SPAN & /[\s\x1c-\x1f]*({'|'.join(NO_ANSWER.values())})[\s\x1c-\x1f]*/" + "\n"
    'WORD: NONE "\\\\"\n'
)


def prompt(instruction: str, question: Any, text: str) -> str:
    """Instruction, document and question, with a blank line between: the question last, where long texts keep it."""
    return "\n\n".join((instruction, text, *question))


def fits(shape: Fields) -> bool:
    """Only one question, whose answers are spans."""
    return len(shape.fields) == 1 and all(isinstance(slot, Slot) for slot in shape.fields.values())


PLAIN_TEXT = Notation("plain_text", spell, read, salvage, grammar, prompt, fits)
