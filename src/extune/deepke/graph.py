"""KG: {entity type: {entity: {attribute: value or list}}}, in training for the schema's first entity type only."""

from collections.abc import Sequence
from random import Random
from typing import TypeAlias

from ..errors import DataError
from .draw import negatives
from .lines import Part, one_or_list, part, quoted
from .options import Options
from .plan import Found, Item, Plan, by_label
from .schema_lines import FORM, SchemaLines

Triple: TypeAlias = tuple[str, str, str]
"""(head, relation, tail)"""


def kg(schema: SchemaLines, options: Options) -> Plan:
    """Attributes in the second line of the schema, entity types in the third. Raises DataError without a type."""
    if not schema[2]:
        raise DataError("KG needs entity types in line 3 of the schema", remedy=FORM)
    first, attributes = next(iter(schema[2])), sorted(set(schema[1]))

    def own(name: str, triples: list[Triple], rng: Random) -> Part:
        present = sorted({relation for _, relation, _ in triples})
        chosen = present if options.negatives == 0 else sorted(negatives(attributes, (), options.negatives, rng))
        if options.random_sort:
            rng.shuffle(chosen)
        return _part(name, chosen)

    return Plan(
        field="relation",
        parts={first: _part(first, attributes)},
        test_parts=by_label(list(schema[2]), lambda name: _part(name, schema[2][name])),
        group=lambda items: _grouped(first, items),
        spell=_spelled,
        fits=lambda found: True,
        part=own,
        draws=False,
        blank_first=True,
    )


def _part(name: str, attributes: Sequence[str]) -> Part:
    attributes = list(dict.fromkeys(attributes))
    return part(name, {"entity_type": name, "attributes": attributes}, fields=attributes)


def _grouped(first: str, items: Sequence[Item]) -> Found:
    """All entities under the first type, whatever their own is."""
    return {first: [(item["head"], item["relation"], item["tail"]) for item in items]}


def _spelled(triples: list[Triple], item: Part, text: str) -> bytes:
    """Entities by their first place in the text, attributes as asked, values by their first place."""
    entities: dict[str, dict[str, list[str]]] = {}
    for head, relation, tail in triples:
        entities.setdefault(head, {}).setdefault(relation, []).append(tail)
    heads = sorted(entities, key=text.find)
    return (
        b"{" + b", ".join(quoted(head) + b": {" + _values(entities[head], item, text) + b"}" for head in heads) + b"}"
    )


def _values(values: dict[str, list[str]], item: Part, text: str) -> bytes:
    return b", ".join(key + one_or_list(values[name], text) for name, key in item.fields if name in values)
