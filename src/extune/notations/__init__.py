"""How an answer is spelled as text: one file a notation, one line in NOTATIONS."""

from ..errors import ConfigError
from .iepile_json import IEPILE_JSON
from .notation import Notation
from .triple_lines import TRIPLE_LINES

NOTATIONS: dict[str, Notation] = {n.name: n for n in (IEPILE_JSON, TRIPLE_LINES)}

__all__ = ["NOTATIONS", "Notation", "notation"]


def notation(name: str) -> Notation:
    """The notation of that name. Raises ConfigError, listing the known ones."""
    try:
        return NOTATIONS[name]
    except KeyError:
        raise ConfigError(f"no notation {name!r}", remedy=f"Known notations: {', '.join(NOTATIONS)}") from None
