"""The figures of a score as plain JSON: numbers by name for trackers and gates, rows for tables and the report."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .answers import answer_figures
from .bootstrap import bootstrap
from .counts import Counts, macro, ratio
from .mistakes import KINDS, Mistakes
from .score import GROUPS, Score

GROUP_ROWS = {name: f"per_{name}" for name in GROUPS}

FEW = 20
"""Most names of a group that get a number of their own; the rows have all."""

NAME = re.compile(r"[\w.-]+")
"""What MLflow takes in a metric's name, less the space and the slash."""


def summary(score: Score, problems: Mapping[str, int], resamples: int, seed: int) -> dict[str, Any]:
    """Plain JSON figures of a score: numbers by name, and rows by label and by group, most gold items first.

    `problems` comes from `count_problems`, with those of `count_invalid` where they were counted; what never had a
    model to go wrong (a baseline) gives `{}`.
    """
    total, documents = score.total, len(score.per_document)
    low, high = bootstrap(score.per_document, resamples, seed)
    return {
        **_figures(total, "precision", "recall", "f1", "exact_match", "invented_rate"),
        **_figures(total, "documents", "gold", "predicted", "tp"),
        "f1_low": low,
        "f1_high": high,
        "invented_spans": total.invented,
        "parse_rate": ratio(documents - problems.get("unread", 0), documents),
        **{f"{kind}_rate": ratio(number, documents) for kind, number in problems.items()},
        "schema_valid_rate": ratio(documents - problems.get("invalid", problems.get("unread", 0)), documents),
        "empty_on_nonempty_rate": total.empty_on_nonempty_rate,
        **_macro("", score.per_label),
        **_view_figures(score),
        **{f"{name}_{key}": value for name, c in score.groups.get("seen", {}).items()
           for key, value in _figures(c, "recall", "f1").items()},
        **_group_figures(score),
        **(answer_figures(score.answers) if score.answers else {}),
        **mistake_totals(score.mistakes),
        "per_label": label_rows(score.per_label),
        **{row: group_rows(score.groups[name]) for name, row in GROUP_ROWS.items() if name in score.groups},
        "per_view_label": {name: label_rows(labels) for name, labels in score.views.items() if any(labels)},
        "mistakes": mistake_rows(score.mistakes),
        "worst": worst_rows(score.mistakes),
    }  # fmt: skip


def _figures(counts: Counts, *names: str) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in names}


def _macro(prefix: str, labels: Mapping[str, Counts]) -> dict[str, float]:
    return {f"{prefix}macro_{name}": value for name, value in asdict(macro(labels)).items()}


def _view_figures(score: Score) -> dict[str, float]:
    """F1, precision and recall of each view; its macro F1 where it has labels."""
    figures: dict[str, float] = {}
    for name, counts in score.groups.get("view", {}).items():
        figures |= {f"{name}_{key}": value for key, value in _figures(counts, "precision", "recall", "f1").items()}
        if any(score.views.get(name, ())):
            figures[f"{name}_macro_f1"] = macro(score.views[name]).f1
    return figures


def _group_figures(score: Score) -> dict[str, float]:
    """F1 by source, language and length, where there are several and their names can be part of a metric's name."""
    groups = {name: score.groups.get(name, {}) for name in ("source", "language", "length")}
    return {
        f"{group}_{name}_f1": names[name].f1
        for group, names in groups.items()
        if 1 < len(names) <= FEW
        for name in sorted(names, key=_place)
        if NAME.fullmatch(name)
    }


def label_rows(per_label: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """A row a label, most gold items first."""
    names = sorted(per_label, key=lambda name: (-per_label[name].gold, name))
    return [
        {"label": name, **_figures(per_label[name], "precision", "recall", "f1", "gold", "predicted")} for name in names
    ]


def group_rows(group: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """A row a name of a group, in the order of the names, lengths by their size."""
    names = ("precision", "recall", "f1", "exact_match", "gold", "predicted", "documents")
    return [{"name": name, **_figures(group[name], *names)} for name in sorted(group, key=_place)]


def _place(name: str) -> tuple[int, str]:
    start = name.partition("-")[0]
    return (int(start) if start.isdecimal() else 0, name)


def mistake_totals(found: Mistakes) -> dict[str, int]:
    """How many of each kind there are, those of which there are none too."""
    return {f"mistakes_{kind.replace(' ', '_')}": sum(found.counts.get(kind, {}).values()) for kind in KINDS}


def mistake_rows(found: Mistakes) -> list[dict[str, Any]]:
    """A row a kind and label, most frequent label first."""
    return [
        {"kind": kind, "label": label, "number": number}
        for kind, labels in found.counts.items()
        for label, number in sorted(labels.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def worst_rows(found: Mistakes) -> list[dict[str, Any]]:
    """A row a document and kind: its id, how many mistakes, and the first of them, each side a label with spans."""
    return [
        {
            "kind": kind,
            "id": one.id,
            "number": one.number,
            "mistakes": [
                {"label": m.label, "gold": list(m.gold), "predicted": list(m.predicted)} for m in one.mistakes
            ],
        }
        for kind, documents in found.worst.items()
        for one in documents
    ]
