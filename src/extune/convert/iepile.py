"""IEPile instruction rows of one line in our own way: nothing lost, the same bytes on every machine.

Train rows {"task", "source", "instruction", "output"}, test rows {"id", "task", "source", "instruction", "label"}.
Format: https://huggingface.co/datasets/zjunlp/iepile
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

from ..errors import AnswerError, ConfigError
from ..instruct import Asking, asked_groups, is_kept
from ..notations import NOTATIONS
from ..prompt import Prompt
from ..readers import FORMATS
from ..readers.lines import read_line, renamed
from ..records import Query, Record, Rejected
from ..schema import canonical_record
from ..tasks import Item
from .compat import refused
from .engine import Convert, Line
from .gold import FORMS, label

JSON = NOTATIONS["iepile_json"]


@dataclass(frozen=True)
class Plan:
    """What to make of the lines of `path`: `format` reads a line, `source` is the name in the rows.

    `test`: rows to evaluate, which ask everything and carry the gold; else rows to train on.
    """

    prompt: Prompt
    asking: Asking
    format: str
    path: str
    source: str
    test: bool = False
    columns: Mapping[str, str] | None = None


def iepile(plan: Plan) -> Convert:
    """Converts lines as the plan says; an item that the schema does not know is left out of the answers."""
    parse = FORMATS[plan.format].parse
    assert parse is not None
    if plan.test and plan.prompt.task.name not in FORMS:
        remedy = f"Tasks with test rows: {', '.join(FORMS)}; `--to records` keeps the gold of every task"
        raise ConfigError(f"no evaluator has a form for the gold of {plan.prompt.task.name}", remedy=remedy)
    named = renamed(parse, plan.columns or {})
    make = _testing(plan) if plan.test else _training(plan)
    named_by_line = plan.test or plan.asking.keep_empty < 1 or not plan.asking.draws_nothing

    def one(line: Line) -> list[bytes] | Rejected:
        number, raw = line
        record = read_line(raw, f"{plan.path}:{number}", named)
        if isinstance(record, Rejected):
            return record
        record = canonical_record(record, plan.prompt.schema)
        try:
            return make(replace(record, id=name_of(record.text, number)) if named_by_line and not record.id else record)
        except AnswerError as exc:
            return refused(plan.path, number, raw, exc)

    return one


def name_of(text: str, number: int) -> str:
    """The hash that the field's test files use, made unique by the line: two records may have one text."""
    return f"{sha256(text.encode()).hexdigest()[:32]}-{number}"


def _training(plan: Plan) -> Callable[[Record], list[bytes]]:
    ask, reply = _asks(plan), _replies(plan)
    open_question = plan.prompt.task.asked is not None

    def rows(record: Record) -> list[bytes]:
        text = _inner(_inner(record.text))
        items = _items(plan, record)
        groups = asked_groups(record, plan.prompt.task, plan.prompt.schema, plan.asking)
        made = []
        for number, group in enumerate(groups):
            inside = items if open_question else [item for item in items if plan.prompt.task.label(item) in group]
            if not inside and not is_kept(record, number, plan.asking):
                continue
            row = f'{ask(record.text, group)}{text}\\"}}", "output": {reply(record, group, inside)}}}'
            made.append(row.encode())
        return made

    return rows


def _testing(plan: Plan) -> Callable[[Record], list[bytes]]:
    ask = _asks(plan)

    def rows(record: Record) -> list[bytes]:
        text = _inner(_inner(record.text))
        everything = replace(plan.asking, negatives=1.0, hard=None)
        groups = asked_groups(record, plan.prompt.task, plan.prompt.schema, everything)
        gold = json.dumps(json.dumps(label(record, plan.prompt.task), ensure_ascii=False), ensure_ascii=False)
        name = json.dumps(record.id, ensure_ascii=False)
        return [
            f'{{"id": {name}, {ask(record.text, group)[1:]}{text}\\"}}", "label": {gold}}}'.encode() for group in groups
        ]

    return rows


def _items(plan: Plan, record: Record) -> list[Item]:
    known = plan.prompt.task.known
    return [item for item in plan.prompt.task.items(record) if known(item, plan.prompt.schema)]


def _asks(plan: Plan) -> Callable[[str, Sequence[str]], str]:
    """The row up to the text, made once for each group of labels and language."""
    before = f'{{"task": {json.dumps(plan.prompt.task.name)}, "source": {json.dumps(plan.source, ensure_ascii=False)}, '
    known: dict[tuple[object, ...], str] = {}

    def ask(text: str, group: Sequence[str]) -> str:
        language = plan.prompt.language_of(text)
        place = (language, *group)
        if place not in known:
            if len(known) > 50_000:
                known.clear()
            whole = plan.prompt.text(Query("", plan.prompt.task.name, _PROBE[language == "zh"], tuple(group)))
            cut = whole.rindex(_PROBE[language == "zh"])
            known[place] = f'{before}"instruction": "{_inner(whole[:cut])}'
        return known[place]

    return ask


_PROBE = ("x", "一")
"""A text of each language, to see what stands before it in a prompt."""


def _replies(plan: Plan) -> Callable[[Record, Sequence[str], Sequence[Item]], str]:
    """The answer as a JSON string; that of a group without items is made once."""
    task, schema = plan.prompt.task, plan.prompt.schema
    empty: dict[Sequence[str], str] = {}
    shapes: dict[Sequence[str], Any] = {}

    def reply(record: Record, group: Sequence[str], items: Sequence[Item]) -> str:
        if not items and group in empty:
            return empty[group]
        if group not in shapes:
            if len(shapes) > 50_000:
                shapes.clear()
                empty.clear()
            shapes[group] = task.shape(group, schema)
        answer = JSON.spell(task.encode(items, group, schema), shapes[group], record.text)
        spelled = encode_basestring(answer)
        if not items:
            empty[group] = spelled
        return spelled

    return reply


def _inner(text: str) -> str:
    """The text as it stands between the quotes of a JSON string."""
    return encode_basestring(text)[1:-1]
