"""What a report is made from: plain JSON values, so that it can be written, versioned and read back.

Offsets are code points, end exclusive.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict


class Span(TypedDict):
    """A string of an item and its role in it; start and end are None where it does not stand in the text."""

    role: str
    text: str
    start: int | None
    end: int | None


class Item(TypedDict):
    """A gold or predicted item as it is shown; `name` is what joins its spans, `text` the whole in one line.

    `mentions` are all the places to mark, as [start, end, which span].
    """

    form: Literal["entity", "relation", "event", "answer", "node", "edge"]
    label: str
    name: str
    text: str
    spans: list[Span]
    mentions: list[list[int]]
    note: NotRequired[str]
    confidence: NotRequired[float]


class Pair(TypedDict):
    """A gold item beside what was predicted in its place; `kind` is `correct` or one of `score.KINDS`.

    A correct item stands once, as `gold`, with the model's confidence.
    """

    kind: str
    gold: Item | None
    predicted: Item | None


class Document(TypedDict):
    """One text with both answers; `raw` is the model's own, kept where there was a problem with it.

    `more`: items that the page leaves out.
    """

    id: str
    text: str
    lang: str
    pairs: list[Pair]
    problems: list[str]
    raw: list[str]
    question: NotRequired[str]
    more: NotRequired[int]


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


class Confidence(TypedDict):
    """What confidences on `split` are worth, before and after calibration; rows as `reliability` makes them."""

    split: str
    method: str
    fitted_on: int
    ece: float
    ece_calibrated: float
    before: Sequence[Mapping[str, Any]]
    after: Sequence[Mapping[str, Any]]
    thresholds: Sequence[Mapping[str, Any]]


class Report(TypedDict):
    """All of a report. `model` is NAME/VERSION; `facts` are shown as they are, in their order."""

    model: str
    task: str
    base: str
    splits: Mapping[str, Split]
    loss: NotRequired[Sequence[LossRow]]
    stages: NotRequired[Sequence[StageRow]]
    facts: NotRequired[Mapping[str, str]]
    confidence: NotRequired[Confidence | None]
