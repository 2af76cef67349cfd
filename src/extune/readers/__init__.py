"""File formats that become Records: one file each, one line in READERS.

A reader is `read(path) -> Iterator[Record | Rejected]`: it never raises for a bad line, it yields what
was wrong with it. It raises DataError only if the file itself cannot be opened. Ids are unique within a file.
"""

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from ..errors import ConfigError
from ..records import Record, Rejected
from . import iepile, instructie, records, triple_instruct

Reader: TypeAlias = Callable[[Path], Iterator[Record | Rejected]]

READERS: dict[str, Reader] = {
    "records": records.read,
    "triple_instruct": triple_instruct.read,
    "instructie": instructie.read,
    "iepile": iepile.read,
}


def reader(name: str) -> Reader:
    """The reader of that name. Raises ConfigError, naming the nearest one and all."""
    if name in READERS:
        return READERS[name]
    near = difflib.get_close_matches(name, READERS, 1, 0.4)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise ConfigError(f"no reader {name!r}", remedy=f"{hint}Known readers: {', '.join(READERS)}")
