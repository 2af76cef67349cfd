"""What a task makes of a schema: the functions that turn rows of that task into lines."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from .lines import Part

Item: TypeAlias = Mapping[str, Any]
"""One annotation, as the row has it."""
Found: TypeAlias = dict[str, list[Any]]
"""Label -> what a row has of it, in the row's order."""


@dataclass(frozen=True)
class Plan:
    """The functions of one task for one schema.

    `field`: where a row keeps its items; `identity`: what makes two of them one, None where they are kept apart.
    `parts`: what may be asked in training, `test_parts` in a test, by label and sorted.
    `group(items)`; `spell(values, part, text)` -> the value of a key of the answer, escaped.
    `fits(found)`: `parts` can be asked as they are. If not, `part(label, values, rng)` is what to ask.
    `draws`: rows are asked for labels that they lack. `gold_test`: test rows are asked for no label but their own.
    `asks_nothing`: a row with nothing to ask becomes a line all the same.
    `blank_first`: where labels are not split, each row has a line that asks nothing before the real one.
    """

    field: str
    parts: Mapping[str, Part]
    test_parts: Mapping[str, Part]
    group: Callable[[Sequence[Item]], Found]
    spell: Callable[[list[Any], Part, str], bytes]
    fits: Callable[[Found], bool]
    part: Callable[[str, list[Any], Random], Part]
    identity: Callable[[Item], Hashable] | None = None
    draws: bool = True
    gold_test: bool = False
    asks_nothing: bool = False
    blank_first: bool = False


def by_label(names: Sequence[str], part: Callable[[str], Part]) -> dict[str, Part]:
    """The Part of each name, sorted."""
    return {name: part(name) for name in sorted(set(names))}
