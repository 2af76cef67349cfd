"""What is known about a data set after one reading: frozen values, all of them plain JSON once `to_json` is applied."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .duplicates import Duplicates

MIN_EXAMPLES = 5
"""A label with fewer items is rare: fewer than five-shot."""


@dataclass(frozen=True)
class Lengths:
    """Nearest-rank percentiles of a size, and its histogram as (up to and including, how many)."""

    p50: int
    p90: int
    p95: int
    p99: int
    max: int
    histogram: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Missing:
    """An item with a string that does not stand in its text."""

    where: str
    section: str
    label: str
    text: str


@dataclass(frozen=True)
class Ungrounded:
    """Items of a section that have a string which is not in the text; share of the section's items."""

    items: int
    missing: int
    share: float


@dataclass(frozen=True)
class Conflict:
    """One string, or one pair, with the labels it is found under."""

    subject: tuple[str, ...]
    labels: Mapping[str, int]


@dataclass(frozen=True)
class Conflicts:
    """Distinct strings (pairs for relations) under more than one label.

    `in_one_text`: those of them that have several labels within a single record, which is often meant so.
    """

    subjects: int
    conflicting: int
    in_one_text: int
    share: float
    examples: tuple[Conflict, ...]


@dataclass(frozen=True)
class Seen:
    """Items whose strict key occurs in train as well."""

    items: int
    seen: int
    share: float


@dataclass(frozen=True)
class SplitFigures:
    """One split. `labels`, `unknown`, `rare`: section -> label -> items. `tokens`, `over_window`: None if not counted.

    `unknown`: labels that the schema lacks. `rare`: fewer than MIN_EXAMPLES items, 0 for labels only the schema has;
    told of train alone, or of undivided data.
    """

    records: int
    rejected: int
    rejections: tuple[str, ...]
    languages: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]
    unknown: Mapping[str, Mapping[str, int]]
    rare: Mapping[str, Mapping[str, int]]
    empty: int
    empty_share: float
    characters: Lengths
    tokens: Lengths | None
    over_window: int | None
    over_window_share: float | None
    ungrounded: Mapping[str, Ungrounded]
    missing: tuple[Missing, ...]
    conflicts: Mapping[str, Conflicts]
    duplicates: Duplicates


@dataclass(frozen=True)
class Leakage:
    """What a split shares with train: texts, and items by section."""

    texts: Duplicates
    items: Mapping[str, Seen]


@dataclass(frozen=True)
class Figures:
    """All of an inspection; `leakage`: every split but train, where there is a train split."""

    max_length: int
    splits: Mapping[str, SplitFigures]
    leakage: Mapping[str, Leakage]


def to_json(figures: Figures) -> dict[str, Any]:
    """A plain dict."""
    return asdict(figures)
