"""IEPile instruction rows of one line in our own way: nothing lost, the same bytes on every machine.

Train rows {"task", "source", "instruction", "output"}, test rows {"id", "task", "source", "instruction", "label"}.
Format: https://huggingface.co/datasets/zjunlp/iepile
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from json.encoder import encode_basestring

from ..deepke.lines import about, framed, labelled, quoted_text
from ..errors import AnswerError, ConfigError
from ..instruct import Asking, is_kept
from ..prompt import Prompt
from ..readers import FORMATS
from ..readers.lines import read_line, renamed
from ..records import Record, Rejected
from ..schema import canonical_record
from .batches import Line
from .compat import refused
from .gold import FORMS, label
from .groups import answered, by_group, grouping, of_groups
from .parts import Convert
from .plain import plain


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
    form = FORMATS[plan.format]
    assert form.parse is not None
    if plan.test and plan.prompt.task.name not in FORMS:
        remedy = f"Tasks with test rows: {', '.join(FORMS)}; `--to records` keeps the gold of every task"
        raise ConfigError(f"no evaluator has a form for the gold of {plan.prompt.task.name}", remedy=remedy)
    named = renamed(form.parse, plan.columns or {})
    make = _testing(plan) if plan.test else _training(plan)
    plainly = None if plan.test or plan.columns else plain(plan.prompt, plan.asking, form, plan.source)
    named_by_line = plan.test or plan.asking.keep_empty < 1 or not plan.asking.draws_nothing

    def one(line: Line) -> bytes | Rejected:
        number, raw = line
        if plainly and (rows := plainly(raw)) is not None:
            return rows
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


def _training(plan: Plan) -> Callable[[Record], bytes]:
    prompt, asking = plan.prompt, plan.asking
    asked_of = grouping(prompt, asking, plan.source)

    def rows(record: Record) -> bytes:
        asked = asked_of(record)
        found = by_group(prompt, prompt.task.items(record), asked.place)
        if asking.keep_empty < 1:
            kept = [number for number in range(len(asked.groups)) if number in found or is_kept(record, number, asking)]
            asked = of_groups([asked.groups[number] for number in kept])
            found = {place: found[number] for place, number in enumerate(kept) if number in found}
        return answered(prompt, asked, found, record.text)

    return rows


def _testing(plan: Plan) -> Callable[[Record], bytes]:
    asked_of = grouping(plan.prompt, replace(plan.asking, negatives=1.0, hard=None), plan.source)

    def rows(record: Record) -> bytes:
        start = f'{{"id": {encode_basestring(record.id)}, '.encode()
        after = labelled(label(record, plan.prompt.task))
        lines = ((start + group.start[1:], after) for group in asked_of(record).groups)
        return about(quoted_text(record.text), framed(lines), {})

    return rows
