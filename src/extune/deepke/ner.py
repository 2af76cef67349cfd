"""NER: {type: [entity, ...]}, entities in the row's order."""

from collections.abc import Sequence
from dataclasses import replace

from .lines import Part, part, quoted
from .options import Options
from .plan import Found, Item, Plan, by_label
from .schema_lines import SchemaLines


def ner(schema: SchemaLines, options: Options) -> Plan:
    """Types in the first line of the schema; an entity counts once for each type."""
    plan = strings("entity", schema[0], "entity_type", "entity", options)
    return replace(plan, identity=lambda item: (item["entity"], item["entity_type"]))


def strings(field: str, labels: Sequence[str], label: str, value: str, options: Options) -> Plan:
    """A task whose answer is {label: [string, ...]}; `label` and `value` are fields of an item."""
    parts = by_label(labels, plain)
    return Plan(
        field=field,
        parts=parts,
        test_parts=parts,
        group=lambda items: grouped(items, label, value),
        spell=spelled,
        fits=lambda found: found.keys() <= parts.keys(),
        part=lambda name, values, rng: parts.get(name) or plain(name),
        asks_nothing=options.negatives != 0,
    )


def plain(name: str) -> Part:
    """A label that is asked as it is."""
    return part(name, name)


def grouped(items: Sequence[Item], label: str, value: str) -> Found:
    """The strings of each label, escaped."""
    found: Found = {}
    for item in items:
        found.setdefault(item[label], []).append(quoted(item[value]))
    return found


def spelled(values: list[bytes], item: Part, text: str) -> bytes:
    """A list of values that are JSON already."""
    return b"[" + b", ".join(values) + b"]"
