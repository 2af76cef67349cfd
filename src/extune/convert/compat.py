"""The reference's conversion of one line, for the engine."""

import json

from ..deepke import Options, SchemaLines, converter
from ..errors import DataError
from ..records import Rejected
from .engine import Convert, Line


def compat(schema: SchemaLines, options: Options, source: str, path: str) -> Convert:
    """Converts lines of `path` as DeepKE-LLM does. JSON is read as the reference reads it: of equal keys the last."""
    convert = converter(schema, options, source)

    def one(line: Line) -> list[bytes] | Rejected:
        number, raw = line
        try:
            return convert(json.loads(raw))
        except (DataError, ValueError, RecursionError) as exc:
            return refused(path, number, raw, exc)

    return one


def refused(path: str, number: int, raw: bytes, exc: Exception) -> Rejected:
    """A line that cannot be converted, with the reason."""
    from ..readers.lines import KEPT, reason

    why = exc.what if isinstance(exc, DataError) else reason(exc)
    return Rejected(f"{path}:{number}", why, raw[: 4 * KEPT].decode("utf-8", "backslashreplace")[:KEPT])
