"""RE: {relation: [{head, tail}, ...]}; SPO: {predicate: [{subject, object}, ...]}, asked with both types."""

from collections.abc import Callable, Sequence

from .lines import Part, part, quoted
from .ner import plain, spelled
from .options import Options
from .plan import Found, Item, Plan, by_label
from .schema_lines import SchemaLines


def re(schema: SchemaLines, options: Options) -> Plan:
    """Relations in the second line of the schema."""
    return _triples(schema[1], plain, lambda item: item["relation"], (b'{\\"head\\": ', b', \\"tail\\": '), options)


def spo(schema: SchemaLines, options: Options) -> Plan:
    """`subject type_predicate_object type` in the first line; two of one predicate in a group share a key."""
    return _triples(schema[0], _typed, _joined, (b'{\\"subject\\": ', b', \\"object\\": '), options)


def _triples(
    labels: Sequence[str],
    ask: Callable[[str], Part],
    label: Callable[[Item], str],
    keys: tuple[bytes, bytes],
    options: Options,
) -> Plan:
    parts = by_label(labels, ask)
    head, tail = keys

    def group(items: Sequence[Item]) -> Found:
        found: Found = {}
        for item in items:
            pair = head + quoted(item["head"]) + tail + quoted(item["tail"]) + b"}"
            found.setdefault(label(item), []).append(pair)
        return found

    return Plan(
        field="relation",
        parts=parts,
        test_parts=parts,
        group=group,
        spell=spelled,
        fits=lambda found: found.keys() <= parts.keys(),
        part=lambda name, values, rng: parts.get(name) or ask(name),
        identity=lambda item: (item["head"], item["relation"], item["tail"]),
        asks_nothing=options.negatives != 0,
    )


def _joined(item: Item) -> str:
    return "_".join((item["head_type"], item["relation"], item["tail_type"]))


def _typed(name: str) -> Part:
    """The predicate is all between the first and the last part, `_` included."""
    subject, *middle = name.split("_")
    *inner, last = middle or [subject]
    predicate = "_".join(inner)
    return part(name, {"subject_type": subject, "predicate": predicate, "object_type": last}, called=predicate)
