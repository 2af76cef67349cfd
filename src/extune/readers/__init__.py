"""File formats that become Records: one file each, one line in FORMATS."""

import difflib

from ..errors import ConfigError
from . import iepile, instructie, records, triple_instruct
from .format import Format, Read, Sample

FORMATS: dict[str, Format] = {
    one.name: one for one in (records.RECORDS, triple_instruct.TRIPLE_INSTRUCT, instructie.INSTRUCTIE, iepile.IEPILE)
}
"""In the order in which a file's head is held against them."""

__all__ = ["FORMATS", "Format", "Sample", "reader"]


def reader(name: str) -> Read:
    """The reader of that name. Raises ConfigError, naming the nearest one and all."""
    if name in FORMATS:
        return FORMATS[name].read
    near = difflib.get_close_matches(name, FORMATS, 1, 0.4)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise ConfigError(f"no reader {name!r}", remedy=f"{hint}Known readers: {', '.join(FORMATS)}")
