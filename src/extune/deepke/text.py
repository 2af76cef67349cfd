"""JSON as the reference's parser reads it (NaN, half characters, a repeated key's last value), at orjson's speed."""

import json
from typing import Any

import orjson


def loads(text: str | bytes) -> Any:
    """The value of a JSON text; bytes are UTF-8.

    orjson refuses some of what `json` takes, so that has the last word. Integers beyond 64 bits become floats.
    Raises ValueError (its subclass JSONDecodeError where it is not JSON) or RecursionError.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text if isinstance(text, str) else text.decode("utf-8"))
