"""The reference's schema.json: three JSON lines, of types, of roles and of the roles of each type."""

import json
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import DataError

SchemaLines: TypeAlias = tuple[list[str], list[str], dict[str, list[str]]]

FORM = "A schema file has three lines of JSON: [types], [roles], {type: [roles]}"


def read_schema_lines(path: Path | str | None) -> SchemaLines:
    """The three lines of a schema file; without one, an empty schema, which asks each row for its own labels.

    Raises DataError if the file is missing or has another form.
    """
    if path is None:
        return [], [], {}
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise DataError("schema file not found", where=str(path), remedy=FORM) from None
    except UnicodeDecodeError as exc:
        raise DataError(f"not UTF-8 ({exc.reason})", where=str(path)) from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) != 3:
        raise DataError(f"{len(lines)} lines instead of three", where=str(path), remedy=FORM)
    values = [_value(line, f"{path}:{number}") for number, line in lines]
    for (number, _), value, fits in zip(lines, values, (_is_labels, _is_labels, _is_roles), strict=True):
        if not fits(value):
            raise DataError("another form", where=f"{path}:{number}", remedy=FORM)
    types, roles, by_type = values
    return types, roles, by_type


def _value(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise DataError(f"not JSON ({exc})", where=where, remedy=FORM) from None


def _is_labels(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(label, str) for label in value)


def _is_roles(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_labels, value.values()))
