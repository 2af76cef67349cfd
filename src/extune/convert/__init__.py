"""Labelled files to instruction rows in bounded memory: many processes, the same bytes, resumable after a kill."""

from .batches import file_batches
from .compat import compat
from .engine import Converted, convert_lines, workers_for
from .iepile import Plan, iepile
from .neutral import neutral, schema_for
from .partial import key_of, state_of
from .source import open_lines
from .training import keep_empty, training

__all__ = [
    "Converted",
    "Plan",
    "compat",
    "convert_lines",
    "file_batches",
    "iepile",
    "keep_empty",
    "key_of",
    "neutral",
    "open_lines",
    "schema_for",
    "state_of",
    "training",
    "workers_for",
]
