"""Rows as ids: tokenised by the code that also serves, and none of them cut."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DataError
from ..footprint.lengths import nothing
from ..tokens import ChatEncoder

MASKED = -100
"""The label of a token that carries no loss."""


@dataclass(frozen=True, slots=True)
class Tokenised:
    """A row as ids: the prompt masked in `labels`."""

    id: str
    input_ids: list[int]
    labels: list[int]


def tokenise(rows: Iterable[Mapping[str, Any]], encoder: ChatEncoder) -> list[Tokenised]:
    """Prompt-completion rows as ids, by the code that also encodes prompts when serving."""
    return [Tokenised(row["id"], *encoder.example(row["prompt"], row["completion"][0]["content"])) for row in rows]


def within(rows: Sequence[Tokenised], window: int, max_dropped: float) -> tuple[list[Tokenised], list[str]]:
    """The rows that fit, and the ids of those that do not: an answer is never cut.

    Raises DataError when none fits or the share dropped is above `max_dropped`.
    """
    kept = [row for row in rows if len(row.input_ids) <= window]
    dropped = [row.id for row in rows if len(row.input_ids) > window]
    remedy = "Raise train.sft.max_length, lower task.split_num, or raise train.max_dropped"
    if not rows:
        raise nothing()
    if not kept or len(dropped) > max_dropped * len(rows):
        longest = max(len(row.input_ids) for row in rows)
        raise DataError(
            f"{len(dropped)} of {len(rows)} rows are longer than train.sft.max_length = {window} (longest {longest}, "
            f"first {dropped[0]})",
            remedy=remedy,
        )
    return kept, dropped
