"""A gold record and an extraction as one row of the report: each item beside what was predicted in its place."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ..extract import Extraction
from ..records import Record
from ..score.mistakes import Mistake, mistakes
from ..score.tally import Sides
from ..tasks import Item as TaskItem
from ..tasks import Task
from .parts import shown
from .shape import Document, Item, Pair

Key: TypeAlias = tuple[str, ...]
CORRECT = "correct"


def document_row(gold: Record, extraction: Extraction, task: Task) -> Document:
    """What the page shows of one document. Raises DataError if the two are not of the same document."""
    question = gold.qa.question if gold.qa else ""
    row = Document(
        id=gold.id,
        text=gold.text or (gold.qa.document if gold.qa else ""),
        lang=gold.lang,
        pairs=_pairs(gold, extraction, task),
        problems=list(extraction.problems),
        raw=list(extraction.raw) if extraction.problems else [],
    )
    return {**row, "question": question} if question else row


def _pairs(gold: Record, extraction: Extraction, task: Task) -> list[Pair]:
    """Wrong items with the kind that the score counts them under, and right ones, in the order of the text."""
    sides = Sides(gold, extraction.record, task)
    wanted, found = (_items(record, gold.text, task) for record in (gold, extraction.record))
    for key, item in (*((k, i) for k, i in wanted.items() if k in found), *found.items()):
        if key in extraction.confidence:
            item["confidence"] = extraction.confidence[key]
    wrong = mistakes(sides.wanted, sides.found, gold.text, task, sides.absent)
    left = _waiting({k: i for k, i in sides.wanted.items() if k not in found}, task)
    right = _waiting({k: i for k, i in sides.found.items() if k not in wanted}, task)
    pairs = [Pair(kind=CORRECT, gold=item, predicted=None) for key, item in wanted.items() if key in found]
    pairs += [_wrong(one, wanted, found, left, right) for one in wrong]
    return sorted(pairs, key=_place)


def _items(record: Record, text: str, task: Task) -> dict[Key, Item]:
    groups: dict[Key, list[TaskItem]] = {}
    for item in task.items(record):
        groups.setdefault(task.key(item), []).append(item)
    return {key: shown(group, text, task) for key, group in groups.items()}


def _waiting(items: Mapping[Key, TaskItem], task: Task) -> dict[Key, list[Key]]:
    """A mistake's name for an item, its label and spans, -> the keys that go by it."""
    waiting: defaultdict[Key, list[Key]] = defaultdict(list)
    for key in sorted(items, reverse=True):
        waiting[task.label(items[key]), *task.spans(items[key])].append(key)
    return waiting


def _wrong(
    one: Mistake, wanted: Mapping[Key, Item], found: Mapping[Key, Item],
    left: Mapping[Key, list[Key]], right: Mapping[Key, list[Key]],
) -> Pair:  # fmt: skip
    return Pair(
        kind=one.kind,
        gold=wanted[left[one.gold].pop()] if one.gold else None,
        predicted=found[right[one.predicted].pop()] if one.predicted else None,
    )


def _place(pair: Pair) -> tuple[float, str]:
    """Where the pair begins in the text; what stands nowhere comes last."""
    sides: Iterable[Item | None] = (pair["gold"], pair["predicted"])
    starts = [item["mentions"][0][0] for item in sides if item and item["mentions"]]
    return min(starts, default=float("inf")), pair["kind"]
