"""The groups of labels that a record is asked for, with the bytes of their IEPile rows that are not the record's."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from json.encoder import encode_basestring
from typing import NamedTuple, TypeAlias

from ..deepke.lines import Frame, about, framed, quoted_text
from ..instruct import Asking, asked_groups
from ..notations.iepile_json import speller
from ..prompt import Prompt
from ..records import Query, Record
from ..tasks import Item

MOST = 4096
"""Groups that are remembered where labels are drawn for each record."""


End: TypeAlias = Callable[[Iterable[Item], str], bytes]
"""(items, text) -> all after the text of a train row. Raises AnswerError for what JSON cannot spell."""


class Group(NamedTuple):
    """Labels that are asked together, and their row: before the text, after it, and after it if nothing is found."""

    labels: tuple[str, ...]
    end: End
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
    text = probe(language)
    whole = prompt.text(Query("", prompt.task.name, text, labels))
    before = encode_basestring(whole.removesuffix(f'"{text}"}}'))[:-1]
    row = json.dumps({"task": prompt.task.name, "source": source}, ensure_ascii=False)[:-1]
    end = _end(prompt, labels)
    return Group(labels, end, f'{row}, "instruction": {before}'.encode(), end((), ""))


def probe(language: str) -> str:
    """A text of that language."""
    return "一" if language == "zh" else "x"


def by_group(prompt: Prompt, items: Iterable[Item], place: Mapping[str, int]) -> dict[int, list[Item]]:
    """The items that the schema knows and that are asked for, by the number of their group."""
    task, schema = prompt.task, prompt.schema
    items = [item for item in items if task.known(item, schema)]
    if task.asked:
        return dict.fromkeys(place.values(), items) if items else {}
    found: dict[int, list[Item]] = {}
    for item in items:
        number = place.get(task.label(item))
        if number is not None:
            found.setdefault(number, []).append(item)
    return found


def answered(prompt: Prompt, asked: Asked, found: Mapping[int, list[Item]], text: str) -> bytes:
    """The train rows about a text of which `found` is known. Raises AnswerError for what JSON cannot spell."""
    ends = {number: asked.groups[number].end(items, text) for number, items in found.items()}
    return about(quoted_text(text), asked.rows, ends)


def _end(prompt: Prompt, labels: tuple[str, ...]) -> End:
    task, schema = prompt.task, prompt.schema
    spell = speller(task.shape(labels, schema))

    def end(items: Iterable[Item], text: str) -> bytes:
        answer = spell(task.encode(items, labels, schema), text)
        return f'}}", "output": {encode_basestring(answer)}}}\n'.encode()

    return end
