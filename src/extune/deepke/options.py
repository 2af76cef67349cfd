"""The options of the reference's converter, under our names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ConfigError

CHOICES = {"language": ("zh", "en"), "variant": ("deepke", "iepile")}


@dataclass(frozen=True)
class Options:
    """How to convert; raises ConfigError on a value that the reference would crash on.

    `negatives` is its neg_schema: a share of the labels a row lacks, below 0 all, 0 none.
    `hard_negatives`, a label's confusable ones, is its cluster_mode. It draws by `seed` and the row's text.
    `variant`: IEPile's code writes EEA answers without triggers, DeepKE's with.
    """

    task: str
    language: str = "zh"
    test: bool = False
    split_num: int = 4
    negatives: float = 1.0
    random_sort: bool = False
    hard_negatives: Mapping[str, Sequence[str]] | None = None
    seed: int = 42
    variant: str = "deepke"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"no {name} {getattr(self, name)!r}", remedy=f"Known: {', '.join(allowed)}")
        if self.split_num == 0:
            raise ConfigError("split_num is 0", remedy="Use -1 for one group of labels, or a positive number")
        if not self.negatives <= 1:
            raise ConfigError(f"neg_schema is {self.negatives}", remedy="Use a share up to 1, or -1 for all labels")

    @property
    def asks_all(self) -> bool:
        """Whether every row is asked about all labels of the schema, in their order."""
        partial = 0 <= self.negatives < 1
        return not (partial or self.random_sort or self.hard_negatives is not None)
