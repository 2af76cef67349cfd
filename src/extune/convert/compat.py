"""The reference's conversion of one line, for the engine."""

from ..deepke import Options, SchemaLines, converter
from ..deepke.text import loads
from ..errors import DataError
from ..files import Unread
from ..records import Rejected
from .batches import Line
from .parts import Convert


def compat(schema: SchemaLines, options: Options, source: str, path: str) -> Convert:
    """Converts lines of `path` as DeepKE-LLM does. A key that stands twice has its last value, as there."""
    convert = converter(schema, options, source)

    def one(line: Line) -> bytes | Rejected:
        number, raw = line
        if isinstance(raw, Unread):
            return refused(path, number, raw, ValueError(raw.reason))
        try:
            return convert(loads(raw))
        except (DataError, ValueError, RecursionError) as exc:
            return refused(path, number, raw, exc)

    return one


def refused(path: str, number: int, raw: bytes, exc: Exception) -> Rejected:
    """A line that cannot be converted, with the reason."""
    from ..readers.lines import KEPT, reason

    why = exc.what if isinstance(exc, DataError) else reason(exc)
    return Rejected(f"{path}:{number}", why, raw[: 4 * KEPT].decode("utf-8", "backslashreplace")[:KEPT])
