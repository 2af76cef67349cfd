"""What a report is made from: plain JSON values, so that it can be written, versioned and read back.

Offsets are code points, end exclusive.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict


class Span(TypedDict):
    """A string of an item; start and end are None where it does not stand in the text."""

    text: str
    start: int | None
    end: int | None


class Item(TypedDict):
    """A gold or predicted item as it is shown; `mentions` are all the places to mark, as [start, end]."""

    label: str
    text: str
    spans: list[Span]
    mentions: list[list[int]]
    status: Literal["correct", "missed", "spurious"]
    confidence: NotRequired[float]


class Document(TypedDict):
    """One text with both answers; `raw` is the model's own, kept where there was a problem with it."""

    id: str
    text: str
    lang: str
    gold: list[Item]
    predicted: list[Item]
    problems: list[str]
    raw: list[str]


class Split(TypedDict):
    """One evaluated split; `metrics` and `baseline` are dicts of `score.summary`."""

    metrics: Mapping[str, Any]
    baseline: NotRequired[Mapping[str, Any]]
    documents: Sequence[Document]


class LossRow(TypedDict):
    """Training loss at an optimiser step; None where it was not finite."""

    step: int
    loss: float | None


class StageRow(TypedDict):
    """Wall-clock time of a pipeline stage."""

    stage: str
    seconds: float


class Report(TypedDict):
    """All of a report. `model` is NAME/VERSION; `facts` are shown as they are, in their order."""

    model: str
    task: str
    base: str
    splits: Mapping[str, Split]
    loss: NotRequired[Sequence[LossRow]]
    stages: NotRequired[Sequence[StageRow]]
    facts: NotRequired[Mapping[str, str]]
