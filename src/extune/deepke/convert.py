"""One row of labelled data to its instruction lines, as the reference writes them."""

from collections.abc import Callable

from ..errors import ConfigError, DataError
from .event import ee, eea, eet
from .graph import kg
from .instructions import INSTRUCTIONS
from .lines import opening
from .ner import ner
from .options import Options
from .plan import Plan
from .relation import re, spo
from .rows import Convert, Row, testing, training
from .schema_lines import SchemaLines

TASKS: dict[str, Callable[[SchemaLines, Options], Plan]] = {
    "NER": ner,
    "RE": re,
    "SPO": spo,
    "EE": ee,
    "EET": eet,
    "EEA": eea,
    "KG": kg,
}


def converter(schema_lines: SchemaLines, options: Options, source: str) -> Convert:
    """A function from one input row to its output lines: JSON in UTF-8, each with its line feed.

    `source`: the name under which the rows are evaluated; the reference takes that of the input's folder.
    Raises ConfigError for an unknown task, DataError for a schema that the task cannot use; the function raises
    DataError, without a place, for a row of another shape.
    """
    if options.task not in TASKS:
        raise ConfigError(f"no task {options.task!r}", remedy=f"Known tasks: {', '.join(TASKS)}")
    plan = TASKS[options.task](schema_lines, options)
    before = opening(options.task, source, INSTRUCTIONS[options.task][options.language])
    convert = testing(plan, options, before) if options.test else training(plan, options, b"{" + before)

    def checked(row: Row) -> bytes:
        try:
            return convert(row)
        except KeyError as exc:
            raise DataError(f"lacks the field {exc.args[0]!r}") from None
        except (AttributeError, TypeError, ValueError) as exc:
            raise DataError(f"not a row of {options.task} ({exc})") from None

    return checked
