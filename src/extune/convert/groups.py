"""The groups of labels that a record is asked for, with the bytes of their IEPile rows that are not the record's."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from json.encoder import encode_basestring
from typing import NamedTuple, TypeAlias

from ..deepke.lines import Frame, framed
from ..instruct import Asking, asked_groups
from ..notations import NOTATIONS
from ..prompt import Prompt
from ..records import Query, Record
from ..shapes import Fields
from ..tasks import Item

JSON = NOTATIONS["iepile_json"]

MOST = 4096
"""Groups that are remembered where labels are drawn for each record."""


class Group(NamedTuple):
    """Labels that are asked together, the shape of their answer, and their row before and, if found empty, after."""

    labels: tuple[str, ...]
    shape: Fields
    start: bytes
    empty: bytes


class Asked(NamedTuple):
    """Groups, the number of each label's group, and the rows about a text in which nothing is found."""

    groups: Sequence[Group]
    place: Mapping[str, int]
    rows: Frame


Grouping: TypeAlias = Callable[[Record], Asked]


def grouping(prompt: Prompt, asking: Asking, source: str) -> Grouping:
    """What a record is asked; where nothing is drawn that is the same for all records of a language, and made once."""
    same = asking.draws_nothing and not prompt.task.asked
    of_language: dict[str, Asked] = {}
    group = lru_cache(MOST)(partial(_group, prompt, source))

    def made(record: Record, language: str) -> Asked:
        labels = asked_groups(record, prompt.task, prompt.schema, asking)
        return of_groups([group(language, some) for some in labels])

    def asked(record: Record) -> Asked:
        language = prompt.language_of(record.text)
        if not same:
            return made(record, language)
        if language not in of_language:
            of_language[language] = made(record, language)
        return of_language[language]

    return asked


def of_groups(groups: Sequence[Group]) -> Asked:
    """These groups with their places and rows."""
    place = {label: number for number, group in enumerate(groups) for label in group.labels}
    return Asked(groups, place, framed((group.start, group.empty) for group in groups))


def _group(prompt: Prompt, source: str, language: str, labels: tuple[str, ...]) -> Group:
    """A prompt about a text of that language shows what stands before any text."""
    probe = "一" if language == "zh" else "x"
    whole = prompt.text(Query("", prompt.task.name, probe, labels))
    before = encode_basestring(whole.removesuffix(f'"{probe}"}}'))[:-1]
    row = json.dumps({"task": prompt.task.name, "source": source}, ensure_ascii=False)[:-1]
    shape = prompt.task.shape(labels, prompt.schema)
    return Group(labels, shape, f'{row}, "instruction": {before}'.encode(), end(prompt, labels, shape, (), ""))


def end(prompt: Prompt, labels: tuple[str, ...], shape: Fields, items: Iterable[Item], text: str) -> bytes:
    """All after the text of a train row, its line feed included. Raises AnswerError for what JSON cannot spell."""
    answer = JSON.spell(prompt.task.encode(items, labels, prompt.schema), shape, text)
    return f'}}", "output": {encode_basestring(answer)}}}\n'.encode()
