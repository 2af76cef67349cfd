"""Is this data fit to train on? Figures of labelled records in one pass, limits on them, a page and a table of them."""

from ..sections import Limits
from .figures import inspect, inspect_splits
from .limits import check
from .page import render
from .rows import tokens_table
from .shape import Figures, Leakage, SplitFigures, to_json
from .table import table
from .window import token_counter

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
    "token_counter",
    "tokens_table",
]
