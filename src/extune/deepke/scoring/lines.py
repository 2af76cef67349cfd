"""A line of predictions, its answer and its gold: read, or said what is wrong with it."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from ...errors import DataError
from ...files import Unread
from ..text import loads
from .parse import Items, Rule

Line: TypeAlias = Mapping[str, Any] | bytes
At: TypeAlias = tuple[Any, Any]
"""The id and the source of a line: what its text is known by."""

FIELDS = itemgetter("instruction", "output", "label", "id")


def read_line(line: Line) -> tuple[Mapping[str, Any], Any, Any, At]:
    """A line, its output, its label, and whose it is. Raises DataError for what is no line of predictions."""
    try:
        row: Any = loads(line) if isinstance(line, bytes) else line
        _, output, label, name = FIELDS(row)
        return row, output, label, (name, row.get("source"))
    except KeyError as exc:
        raise DataError(f"lacks the field {exc.args[0]!r}") from None
    except (TypeError, AttributeError):
        raise DataError("not an object") from None
    except RecursionError:
        raise DataError("nested too deeply") from None
    except ValueError as exc:
        raise DataError(line.reason if isinstance(line, Unread) else f"not JSON ({exc})") from None


def read_answer(output: Any, odd: list[str]) -> Mapping[str, Any] | None:
    """The object in an output, or None where there is none."""
    if type(output) is str:
        try:
            output = loads(output)
        except RecursionError:
            odd.append("`output` is nested too deeply")
            return None
        except ValueError:
            return None
    else:
        odd.append("`output` is not a string")
    return output if isinstance(output, dict) else None


def read_gold(label: Any, rule: Rule, odd: list[str]) -> Items:
    """The items of a label. Raises DataError for what is not the task's gold."""
    if isinstance(label, str):
        try:
            label = loads(label)
        except (ValueError, RecursionError) as exc:
            raise DataError(f"`label` is not JSON ({exc})") from None
    else:
        odd.append("`label` is not a string")
    if not isinstance(label, list):
        raise DataError("`label` is not a list")
    try:
        return rule.gold(label)
    except KeyError as exc:
        raise DataError(f"an item of `label` lacks the field {exc.args[0]!r}") from None
    except (TypeError, AttributeError) as exc:
        raise DataError(f"`label` holds what is not gold of the task ({exc})") from None
