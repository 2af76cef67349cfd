"""Systems held against each other on the same documents: how much they differ, how surely, and where.

`read` takes one system's predictions, `compare` gives plain JSON, which `page`, `lines` and `store.log` show.
"""

from .figures import compare, over_seeds
from .lines import lines
from .page import page
from .sides import Side, read

__all__ = ["Side", "compare", "lines", "over_seeds", "page", "read"]
