"""How long the rows of a training set are, told before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import DataError
from .prefixes import common_share


def nothing() -> DataError:
    """The error for a training set without rows."""
    return DataError("the training set is empty", where="data/sft/train.jsonl", remedy="See `dvc repro prepare build`")


class Row(Protocol):
    """A tokenised row: `labels` are -100 where there is no loss."""

    @property
    def id(self) -> str: ...
    @property
    def input_ids(self) -> list[int]: ...
    @property
    def labels(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Lengths:
    """`kept` and `answers`: tokens, all and those with loss, of each row that fits the window; `over`: ids of those
    that do not. `padded`: tokens if the rows were padded to batches in their order. `common`: the share of their
    tokens that rows of such a batch begin with in common. `source`: how they were counted."""

    rows: int
    kept: tuple[int, ...]
    answers: tuple[int, ...]
    over: tuple[str, ...]
    longest: int
    window: int
    padded: int
    common: float = 0.0
    source: str = "tokenised"

    @property
    def tokens(self) -> int:
        """Of the rows that fit."""
        return sum(self.kept)

    @property
    def answer_share(self) -> float:
        """Of the tokens, those that carry loss."""
        return sum(self.answers) / max(1, self.tokens)

    def at(self, share: float) -> int:
        """The length that this share of the rows that fit does not exceed; 0 if there are none."""
        ranked = sorted(self.kept)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0

    def line(self) -> str:
        """One line for a person."""
        first = f": {', '.join(self.over[:5])}{', ...' if len(self.over) > 5 else ''}" if self.over else ""
        return (
            f"{self.rows} rows, {self.tokens} tokens ({self.padded} if padded), median {self.at(0.5)}, "
            f"95 % {self.at(0.95)}, longest {self.longest}, answers {100 * self.answer_share:.0f} %, "
            f"{100 * self.common:.0f} % common to rows of a step, "
            f"{len(self.over)} over the window of {self.window}{first}"
        )


def lengths_report(rows: Sequence[Row], window: int, batch: int = 1) -> Lengths:
    """The lengths of tokenised rows; `batch`: rows that padding would make equally long."""
    fitting = [row for row in rows if len(row.input_ids) <= window]
    return lengths_of(
        [len(row.input_ids) for row in fitting],
        [sum(label != -100 for label in row.labels) for row in fitting],
        [row.id for row in rows if len(row.input_ids) > window],
        window,
        batch=batch,
        longest=max((len(row.input_ids) for row in rows), default=0),
        common=common_share([row.input_ids for row in fitting], batch),
    )


def lengths_of(
    kept: Sequence[int], answers: Sequence[int], over: Sequence[str], window: int, *, batch: int = 1,
    longest: int | None = None, common: float = 0.0, source: str = "tokenised",
) -> Lengths:  # fmt: skip
    """Lengths from numbers, however they were counted."""
    padded = sum(max(part) * len(part) for part in _batches(kept, batch))
    most = max(kept, default=0) if longest is None else longest
    return Lengths(
        len(kept) + len(over), tuple(kept), tuple(answers), tuple(over), most, window, padded, common, source
    )


def _batches(lengths: Sequence[int], size: int) -> list[Sequence[int]]:
    return [lengths[at : at + size] for at in range(0, len(lengths), size)]
