"""How an answer is spelled as text: one file a notation, one line in NOTATIONS."""

import copyreg

from ..errors import ConfigError
from .entity_lines import ENTITY_LINES
from .graph_json import GRAPH_JSON
from .iepile_json import IEPILE_JSON
from .notation import Notation, Shown
from .plain_text import PLAIN_TEXT
from .tags import TAGS
from .triple_lines import TRIPLE_LINES

NOTATIONS: dict[str, Notation] = {
    n.name: n for n in (IEPILE_JSON, TRIPLE_LINES, ENTITY_LINES, TAGS, GRAPH_JSON, PLAIN_TEXT)
}

__all__ = ["NOTATIONS", "Notation", "Shown", "notation"]


def notation(name: str) -> Notation:
    """The notation of that name. Raises ConfigError, listing the known ones."""
    try:
        return NOTATIONS[name]
    except KeyError:
        raise ConfigError(f"no notation {name!r}", remedy=f"Known notations: {', '.join(NOTATIONS)}") from None


copyreg.pickle(
    Notation, lambda one: (notation, (one.name,))
)  # its functions cannot travel to a worker process, its name can
