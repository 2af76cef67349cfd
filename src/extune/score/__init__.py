"""Strict and lenient scores that add up: what two shards count together is the sum of what each counts.

`score(pairs, task)` counts, `summary` makes figures of it, `align` pairs a file of predictions with its gold records.
"""

from .align import Alignment, align
from .answers import Answered
from .bootstrap import bootstrap
from .chunks import score_file
from .counts import Counts, Macro, macro, ratio
from .mistakes import KINDS, Mistake, Mistakes, Worst
from .predictions import has_chunks, read_chunks, read_predictions
from .problems import OTHER, PROBLEM_KINDS, count_invalid, count_problems
from .score import Score, count, count_labels, known_mentions, score
from .summary import summary
from .views import VIEWS, View

__all__ = [
    "KINDS",
    "OTHER",
    "PROBLEM_KINDS",
    "VIEWS",
    "Alignment",
    "Answered",
    "Counts",
    "Macro",
    "Mistake",
    "Mistakes",
    "Score",
    "View",
    "Worst",
    "align",
    "bootstrap",
    "count",
    "count_invalid",
    "count_labels",
    "count_problems",
    "has_chunks",
    "known_mentions",
    "macro",
    "ratio",
    "read_chunks",
    "read_predictions",
    "score",
    "score_file",
    "summary",
]
