"""Is this data fit to train on? Figures of labelled records in one pass, limits on them, a page and a table of them."""

from ..config import Limits
from .figures import inspect, inspect_splits
from .limits import check
from .page import render
from .rows import tokens_table
from .shape import Figures, Leakage, SplitFigures, to_json
from .table import table

__all__ = [
    "Figures",
    "Leakage",
    "Limits",
    "SplitFigures",
    "check",
    "inspect",
    "inspect_splits",
    "render",
    "table",
    "to_json",
    "tokens_table",
]
