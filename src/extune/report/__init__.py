"""One self-contained page about a trained version: its figures, its plots, and every extraction to browse.

`page(report)` writes it from plain JSON; `document_row` makes the rows of `documents`.
"""

from .page import page
from .rows import document_row
from .shape import Confidence, Document, Item, LossRow, Pair, Report, Span, Split, StageRow

__all__ = [
    "Confidence",
    "Document",
    "Item",
    "LossRow",
    "Pair",
    "Report",
    "Span",
    "Split",
    "StageRow",
    "document_row",
    "page",
]
