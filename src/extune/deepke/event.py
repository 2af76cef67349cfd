"""EE: {type: [{trigger, arguments}, ...]}; EET: {type: [trigger, ...]}; EEA: as EE, the triggers given."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TypeAlias

from .draw import drawn, negatives
from .lines import EMPTY, Part, nested, one_or_list, part, quoted
from .ner import strings
from .options import Options
from .plan import Found, Item, Plan, by_label
from .schema_lines import SchemaLines

Arguments: TypeAlias = list[tuple[str, str]]
"""(role, argument)"""
Event: TypeAlias = tuple[str, Arguments]
"""(trigger, arguments)"""

ABSENT = "NAN"
TRIGGER = b'{\\"trigger\\": '
ARGUMENTS = b', \\"arguments\\": {'


def eet(schema: SchemaLines, options: Options) -> Plan:
    """Triggers in the row's order, repeated ones too."""
    return strings("event", schema[0], "event_type", "event_trigger", options)


def ee(schema: SchemaLines, options: Options) -> Plan:
    """Types in the first line of the schema, their roles in the third; a row's own roles are asked as well."""
    roles = {name: list(dict.fromkeys(schema[2].get(name, ()))) for name in schema[0]}
    parts = by_label(schema[0], lambda name: _part(name, roles[name]))
    known = {name: frozenset(values) for name, values in roles.items()}

    def fits(found: Found) -> bool:
        return all(
            name in known and all(role in known[name] for _, arguments in events for role, _ in arguments)
            for name, events in found.items()
        )

    def own(name: str, events: list[Event], rng: Random) -> Part:
        present = dict.fromkeys(role for _, arguments in events for role, _ in arguments)
        asked = _roles(roles.get(name, []), present, options.negatives, rng)
        return parts[name] if asked == roles.get(name) else _part(name, asked)

    return Plan(
        field="event",
        parts=parts,
        test_parts=parts,
        group=_grouped,
        spell=_spelled,
        fits=fits,
        part=own,
        asks_nothing=True,
    )


def eea(schema: SchemaLines, options: Options) -> Plan:
    """Only the event types of the row, with their triggers and the schema's roles; tests leave the triggers out."""
    roles = {name: list(dict.fromkeys(schema[2].get(name, ()))) for name in schema[0]}
    whole = {name: _untriggered(name, asked) for name, asked in roles.items()}
    spell = {"deepke": _spelled, "iepile": _flat}[options.variant]

    def own(name: str, events: list[Event], rng: Random) -> Part:
        known = roles.get(name, [])
        asked, triggers = _drawn(known, [trigger for trigger, _ in events], options.negatives, rng)
        before, after, rest = whole[name] if name in whole and asked == known else _untriggered(name, asked)
        return replace(rest, question=before + b", ".join(map(quoted, triggers)) + after)

    def bare(name: str) -> Part:
        return part(name, {"event_type": name, "arguments": roles.get(name, [])})

    return Plan(
        field="event",
        parts={},
        test_parts=by_label(schema[0], bare),
        group=_grouped,
        spell=lambda events, item, text: spell(events, item, text) if item.fields else EMPTY,
        fits=lambda found: False,
        part=lambda name, events, rng: own(name, events, rng) if events else bare(name),
        draws=False,
        gold_test=True,
    )


def _grouped(items: Sequence[Item]) -> Found:
    found: Found = {}
    for item in items:
        arguments = [(argument["role"], argument["argument"]) for argument in item["arguments"]]
        found.setdefault(item["event_type"], []).append((item["event_trigger"], arguments))
    return found


def _part(name: str, roles: Sequence[str]) -> Part:
    return part(name, {"event_type": name, "trigger": True, "arguments": list(roles)}, fields=roles)


def _untriggered(name: str, roles: Sequence[str]) -> tuple[bytes, bytes, Part]:
    """The question before and after the triggers, and the part that lacks them."""
    before = b'{\\"event_type\\": ' + quoted(name) + b', \\"trigger\\": ['
    after = b'], \\"arguments\\": ' + nested(list(roles)) + b"}"
    return before, after, part(name, None, fields=roles)


def _roles(schema: list[str], present: dict[str, None], share: float, rng: Random) -> list[str]:
    """Those of the schema in its order, drawn where types are drawn; then those only the row has."""
    if share == 0:
        return schema
    chosen = {*present, *negatives(schema, present, share, rng)}
    return [role for role in schema if role in chosen] + [role for role in present if role not in schema]


def _drawn(roles: list[str], triggers: list[str], share: float, rng: Random) -> tuple[list[str], list[str]]:
    """No more triggers than roles: the reference draws the same number of both."""
    count = drawn(len(roles), share, rng, least=1) if roles and 0 <= share < 1 else len(roles)
    chosen = roles if not 0 < share < 1 else _sampled(roles, count, rng)
    return chosen, _sampled(triggers, count, rng)


def _sampled(names: list[str], count: int, rng: Random) -> list[str]:
    """As many of `names`, in their order."""
    if count >= len(names):
        return names
    return [names[place] for place in sorted(rng.sample(range(len(names)), count))]


def _spelled(events: list[Event], item: Part, text: str) -> bytes:
    """Events by the first place of their trigger; one without trigger and arguments is no event."""
    lines = []
    for trigger, arguments in sorted(events, key=lambda event: text.find(event[0] or ABSENT)):
        filled = _filled(arguments, item, text)
        if trigger or filled:
            lines.append(TRIGGER + quoted(trigger or ABSENT) + ARGUMENTS + filled + b"}}")
    return b"[" + b", ".join(lines) + b"]"


def _flat(events: list[Event], item: Part, text: str) -> bytes:
    """Only the arguments of the events that have any, in the row's order."""
    filled = (_filled(arguments, item, text) for _, arguments in events)
    return b"[" + b", ".join(b"{" + inner + b"}" for inner in filled if inner) + b"]"


def _filled(arguments: Arguments, item: Part, text: str) -> bytes:
    """Every asked role with its value; nothing where no asked role has one. Empty strings are no values."""
    values: dict[str, list[str]] = {}
    for role, value in arguments:
        if value and value not in values.setdefault(role, []):
            values[role].append(value)
    if not any(values.get(role) for role, _ in item.fields):
        return b""
    return b", ".join(key + one_or_list(values.get(role) or [ABSENT], text) for role, key in item.fields)
