"""What a training takes, by arithmetic alone: parameters, bytes and FLOP of a shape, and the setting that fits."""

from .choose import Choice, choose
from .families import shape_of
from .lengths import Lengths, lengths_report
from .levers import WORTH, check_together, stochastic
from .memory import Training, memory, storage_of, training_of
from .packing import packable
from .pairs import pair_of, stacks_of
from .prefixes import common_among, common_share, shared
from .shape import Linear, Shape, adapter_parameters
from .work import LAUNCH, Work, flop, waits

__all__ = [
    "LAUNCH",
    "WORTH",
    "Choice",
    "Lengths",
    "Linear",
    "Shape",
    "Training",
    "Work",
    "adapter_parameters",
    "check_together",
    "choose",
    "common_among",
    "common_share",
    "flop",
    "lengths_report",
    "memory",
    "packable",
    "pair_of",
    "shape_of",
    "shared",
    "stacks_of",
    "stochastic",
    "storage_of",
    "training_of",
    "waits",
]  # fmt: skip
