"""A comparison as plain JSON: the sides' figures, each against the first, and every document that changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..score import Counts, Score, bootstrap, count, count_labels
from ..significance import RESAMPLES, paired_bootstrap, randomisation, spread
from ..tasks import Task
from .sides import Document, Side, common


def compare(sides: Sequence[Side], task: Task, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Hold every side against the first, over the documents that all of them have.

    `against` has one row for each later side: difference, interval, both p, `labels`, `gained` and `lost` ids;
    `documents` what each side said about a text on which any of them changed. Raises DataError as `common` does.
    """
    ids, notes = common(sides, task)
    scores = [_score(side, ids, task) for side in sides]
    rights = [dict(zip(ids, (bool(counts.exact) for counts in score.per_document), strict=True)) for score in scores]
    against = [
        {"name": side.name, **_difference(scores[0], score, resamples, seed), **_flips(rights[0], right)}
        for side, score, right in zip(sides[1:], scores[1:], rights[1:], strict=True)
    ]
    changed = [key for key in ids if any(right[key] != rights[0][key] for right in rights)]
    return {
        "task": task.name,
        "common_documents": len(ids),
        "resamples": resamples,
        "seed": seed,
        "notes": notes,
        "sides": [_figures(side, ids, score, resamples, seed) for side, score in zip(sides, scores, strict=True)],
        "against": against,
        "documents": [_document(sides, key, task) for key in changed],
    }


def over_seeds(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """The spread of each figure where the sides are one system trained with several seeds."""
    names = ("f1", "precision", "recall", "exact_match")
    return {name: asdict(spread([side[name] for side in comparison["sides"]])) for name in names}


def _score(side: Side, ids: Iterable[str], task: Task) -> Score:
    documents: list[Counts] = []
    labels: dict[str, Counts] = {}
    for key in ids:
        document = side.documents[key]
        documents.append(count(document.gold, document.predicted, task))
        for name, counts in count_labels(document.gold, document.predicted, task).items():
            labels[name] = labels.get(name, Counts()) + counts
    return Score(tuple(documents), labels)


def _figures(side: Side, ids: Iterable[str], score: Score, resamples: int, seed: int) -> dict[str, Any]:
    total = score.total
    low, high = bootstrap(score.per_document, resamples, seed)
    names = ("precision", "recall", "f1", "exact_match", "gold", "predicted", "tp")
    return {
        "name": side.name,
        **{name: getattr(total, name) for name in names},
        "f1_low": low,
        "f1_high": high,
        "invented_spans": total.invented,
        "problems": sum(bool(side.documents[key].problems) for key in ids),
    }


def _difference(first: Score, second: Score, resamples: int, seed: int) -> dict[str, Any]:
    one, two = ([(c.tp, c.predicted, c.gold) for c in score.per_document] for score in (first, second))
    found = asdict(paired_bootstrap(one, two, resamples, seed))
    exchanged = randomisation(one, two, resamples, seed)
    return {
        **{name: found[name] for name in ("difference", "low", "high")},
        "p_bootstrap": found["p"],
        "p_randomisation": exchanged.p,
        "exact": exchanged.exact,
        "labels": _labels(first.per_label, second.per_label),
    }


def _labels(first: Mapping[str, Counts], second: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """Every label of either side, the largest change first."""
    none = Counts()
    rows = []
    for name in sorted({*first, *second}):
        one, two = first.get(name, none), second.get(name, none)
        gold = max(one.gold, two.gold)
        rows.append({"label": name, "gold": gold, "first": one.f1, "second": two.f1, "change": two.f1 - one.f1})
    return sorted(rows, key=lambda row: (-abs(row["change"]), row["label"]))


def _flips(first: Mapping[str, bool], second: Mapping[str, bool]) -> dict[str, list[str]]:
    """Ids that are wholly right on one side only."""
    return {
        "gained": [key for key in first if second[key] and not first[key]],
        "lost": [key for key in first if first[key] and not second[key]],
    }


def _document(sides: Sequence[Side], key: str, task: Task) -> dict[str, Any]:
    gold = sides[0].documents[key].gold
    return {
        "id": key,
        "text": gold.text,
        "lang": gold.lang,
        "gold": sorted(spelled(item_key) for item_key in _keys(sides[0].documents[key], "gold", task)),
        "answers": [_answer(side.documents[key], task) for side in sides],
    }


def _answer(document: Document, task: Task) -> dict[str, list[str]]:
    """An answer's items by what became of them."""
    wanted, found = (_keys(document, part, task) for part in ("gold", "predicted"))
    parts = {"correct": wanted & found, "missed": wanted - found, "spurious": found - wanted}
    return {name: sorted(map(spelled, keys)) for name, keys in parts.items()}


def _keys(document: Document, part: str, task: Task) -> set[tuple[str, ...]]:
    return {task.key(item) for item in task.items(getattr(document, part))}


def spelled(key: tuple[str, ...]) -> str:
    """An item's identity as one line, without the parts it leaves open."""
    return " · ".join(filter(None, key))
