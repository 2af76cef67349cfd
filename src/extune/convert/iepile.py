"""IEPile instruction rows of one line in our own way: nothing lost, the same bytes on every machine.

Train rows {"task", "source", "instruction", "output"}, test rows {"id", "task", "source", "instruction", "label"}.
Format: https://huggingface.co/datasets/zjunlp/iepile
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from json.encoder import encode_basestring

from ..deepke.lines import about, framed, labelled, quoted
from ..errors import AnswerError, ConfigError
from ..instruct import Asking, is_kept
from ..prompt import Prompt
from ..readers import FORMATS
from ..readers.lines import read_line, renamed
from ..records import Record, Rejected
from ..schema import canonical_record
from ..tasks import Item
from .batches import Line
from .compat import refused
from .gold import FORMS, label
from .groups import end, grouping, of_groups
from .parts import Convert


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

    def one(line: Line) -> bytes | Rejected:
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


def _training(plan: Plan) -> Callable[[Record], bytes]:
    prompt, asking = plan.prompt, plan.asking
    asked_of = grouping(prompt, asking, plan.source)

    def rows(record: Record) -> bytes:
        asked = asked_of(record)
        found = _by_group(prompt, record, asked.place)
        if asking.keep_empty < 1:
            kept = [number for number in range(len(asked.groups)) if number in found or is_kept(record, number, asking)]
            asked = of_groups([asked.groups[number] for number in kept])
            found = {place: found[number] for place, number in enumerate(kept) if number in found}
        ends = {
            number: end(prompt, asked.groups[number].labels, asked.groups[number].shape, items, record.text)
            for number, items in found.items()
        }
        return about(quoted(record.text), asked.rows, ends)

    return rows


def _by_group(prompt: Prompt, record: Record, place: Mapping[str, int]) -> Mapping[int, list[Item]]:
    """The items that the schema knows and that are asked for, by the number of their group."""
    task, schema = prompt.task, prompt.schema
    items = [item for item in task.items(record) if task.known(item, schema)]
    if task.asked:
        return dict.fromkeys(place.values(), items) if items else {}
    found: dict[int, list[Item]] = {}
    for item in items:
        number = place.get(task.label(item))
        if number is not None:
            found.setdefault(number, []).append(item)
    return found


def _testing(plan: Plan) -> Callable[[Record], bytes]:
    asked_of = grouping(plan.prompt, replace(plan.asking, negatives=1.0, hard=None), plan.source)

    def rows(record: Record) -> bytes:
        start = f'{{"id": {encode_basestring(record.id)}, '.encode()
        after = labelled(label(record, plan.prompt.task))
        lines = ((start + group.start[1:], after) for group in asked_of(record).groups)
        return about(quoted(record.text), framed(lines), {})

    return rows
