"""Rows of a text and the task's items become instruction rows with no Record between: most rows of most corpora.

What is more than that, or wrong, is left to the way by Records, which makes the same bytes of these rows.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from ..errors import AnswerError
from ..instruct import Asking
from ..prompt import Prompt
from ..readers.format import Format
from ..readers.lines import Row, check, objects, quickly, string
from ..records import Record
from ..schema import Schema
from .groups import Asked, answered, by_group, grouping, probe

Plain: TypeAlias = Callable[[bytes], bytes | None]
"""A line -> its rows, or None where it needs another look."""

HELD = {"NER": "entities", "RE": "relations", "SPO": "relations"}
"""Tasks whose items are all that one field of a Record holds."""
UNREAD = frozenset(("id", "lang", "source"))
"""Further fields of a plain row: strings that a train row does not tell."""


def plain(prompt: Prompt, asking: Asking, form: Format, source: str) -> Plain | None:
    """Train rows of a plain line; None where every record has to be looked at by itself."""
    kind = HELD.get(prompt.task.name, "")
    if kind not in form.items or not _asks_the_same(kind, asking, prompt.schema):
        return None
    field, read = form.items[kind]
    asked_of = grouping(prompt, asking, source)

    @cache
    def asked(language: str) -> Asked:
        return asked_of(Record("", probe(language)))

    def rows(raw: bytes) -> bytes | None:
        row = quickly(raw)
        try:
            if type(row) is not dict or not _is_plain(row, field):
                return None
            text, items = string(row, "text"), [read(item) for item in objects(row, field)]
            check(text, items if kind == "entities" else ())
            groups = asked(prompt.language_of(text))
            return answered(prompt, groups, by_group(prompt, items, groups.place), text)
        except (KeyError, TypeError, ValueError, AnswerError):
            return None

    return rows


def _asks_the_same(kind: str, asking: Asking, schema: Schema) -> bool:
    """Whether nothing is drawn by the record's id, and labels and heads stand as they are."""
    drawn = not asking.draws_nothing or asking.keep_empty < 1
    return not (drawn or schema.aliases or (kind == "relations" and schema.attributes))


def _is_plain(row: Row, field: str) -> bool:
    if "text" not in row or field not in row:
        return False
    return len(row) == 2 or all(
        name in UNREAD and type(value) is str for name, value in row.items() if name not in ("text", field)
    )
