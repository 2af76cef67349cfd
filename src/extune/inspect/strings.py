"""What is told of the distinct strings that bear labels: those with several, and those that train has too.

Of every item there is a row [section, label, key, subject, whether the subject has several labels in this record]. Rows
of one string are in one part, so that a 256th of them is held at a time.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .duplicates import EXAMPLES
from .parts import PARTS, Parts, Row

Strings: TypeAlias = tuple[str, ...]
Conflicting: TypeAlias = tuple[int, Strings, Counter[str]]
"""Minus how many items, the string or pair, its labels."""


@dataclass
class OfStrings:
    """What is told of the distinct strings of one section: how many, how many with several labels, the worst of them.

    `seen`: items whose key train has.
    """

    subjects: int = 0
    conflicting: int = 0
    in_one_text: int = 0
    worst: list[Conflicting] = field(default_factory=list)
    seen: int = 0


def of_strings(splits: Mapping[str, Parts], train: Parts | None) -> dict[str, defaultdict[str, OfStrings]]:
    """Split -> section -> what is told of its strings; a 256th of all strings is held at a time."""
    told: dict[str, defaultdict[str, OfStrings]] = {name: defaultdict(OfStrings) for name in splits}
    for number in range(PARTS):
        known = {(section, tuple(key)) for section, _, key, _, _ in (train.part(number) if train else ())}
        for name, items in splits.items():
            _tell(told[name], items.part(number), known)
    return told


def _tell(told: defaultdict[str, OfStrings], rows: Iterable[Row], known: Container[tuple[str, Strings]]) -> None:
    subjects: defaultdict[tuple[str, Strings], Counter[str]] = defaultdict(Counter)
    together: set[tuple[str, Strings]] = set()
    for section, label, key, subject, several in rows:
        told[section].seen += (section, tuple(key)) in known
        if subject:
            one = section, tuple(subject)
            subjects[one][label] += 1
            if several:
                together.add(one)
    for (section, subject), labels in subjects.items():
        of = told[section]
        of.subjects += 1
        of.in_one_text += (section, subject) in together
        if len(labels) > 1:
            of.conflicting += 1
            of.worst.append((-labels.total(), subject, labels))
    for of in told.values():
        of.worst = heapq.nsmallest(EXAMPLES, of.worst, key=lambda one: one[:2])
