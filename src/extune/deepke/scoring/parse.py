"""What a line holds, task by task: the items of its answer and of its gold, as the reference compares them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ...errors import ConfigError
from ..text import loads

Row: TypeAlias = Mapping[str, Any]
Items: TypeAlias = tuple[Sequence[Any], ...]
"""What is counted together: one list, or for events two, the events and their arguments."""

ONE = ("",)
EVENTS = ("event_", "argument_")


class Rule(NamedTuple):
    """How the lines of a task are read.

    `parts`: what the figures of each list are called by. `gold` raises KeyError, TypeError, AttributeError for what is
    not the task's gold. `answer` skips in silence what has another type, as the reference does; what the reference
    would crash on goes into the list at the end.
    """

    parts: tuple[str, ...]
    gold: Callable[[Sequence[Any]], Items]
    answer: Callable[[Row, Row, list[str]], Items]


def rule(task: str, variant: str) -> Rule:
    """The rule of a task. Raises ConfigError, listing the known ones."""
    if variant not in VARIANTS:
        raise ConfigError(f"no variant {variant!r}", remedy=f"Known: {', '.join(VARIANTS)}")
    if task not in RULES:
        raise ConfigError(f"no task {task!r}", remedy=f"Known tasks: {', '.join(RULES)}")
    return IEPILE.get(task, RULES[task]) if variant == "iepile" else RULES[task]


def _typed_strings(answer: Row, row: Row, odd: list[str]) -> Items:
    """{type: [string]}, of NER and EET."""
    return (
        [
            (value, label)
            for label, values in answer.items()
            if type(values) is list
            for value in values
            if type(value) is str
        ],
    )


def _objects(answer: Row) -> list[tuple[str, Row]]:
    """Each object in a list, with the label of that list."""
    return [
        (label, value)
        for label, values in answer.items()
        if type(values) is list
        for value in values
        if type(value) is dict
    ]


def _ends(head: str, tail: str) -> Callable[[Row, Row, list[str]], Items]:
    """{relation: [{head, tail}]} under these two keys; a missing one is an empty string."""

    def answer(found: Row, row: Row, odd: list[str]) -> Items:
        pairs = _objects(found)
        try:
            return ([(pair[head], label, pair[tail]) for label, pair in pairs],)
        except KeyError:
            return ([(pair.get(head, ""), label, pair.get(tail, "")) for label, pair in pairs],)

    return answer


def _triples(items: Sequence[Any]) -> Items:
    try:
        return ([(item["head"], item["relation"], item["tail"]) for item in items],)
    except KeyError:
        return ([(item.get("head", ""), item.get("relation", ""), item.get("tail", "")) for item in items],)


def _typed_triples(items: Sequence[Any]) -> Items:
    triples = _triples(items)[0]
    return ([(*triple, _types(item)) for triple, item in zip(triples, items, strict=True)],)


def _types(item: Row) -> tuple[Any, Any]:
    return item.get("head_type", ""), item.get("tail_type", "")


def spo(answer: Row, row: Row, odd: list[str]) -> Items:
    """(subject, predicate, object) with the types that the line's question asks for.

    An answer names no types. Where the question asks the predicate under several, or does not say, they are those the
    gold states for the triple.
    """
    asked: dict[Any, list[Any]] = {}
    for item in _asked(row):
        types = item.get("subject_type", ""), item.get("object_type", "")
        asked.setdefault(str(item.get("predicate")), []).append(types)
    stated = {triple[:3]: triple[3] for triple in reversed(_typed_triples(_label(row))[0]) if _hashes(triple)}
    triples = _ends("subject", "object")(answer, row, odd)[0]
    return ([(*triple, _signature(triple, asked.get(triple[1], []), stated)) for triple in triples],)


def _signature(triple: Any, asked: Sequence[Any], stated: Mapping[Any, Any]) -> Any:
    own = stated.get(triple) if _hashes(triple) else None
    return own if own in asked or not asked else asked[0]


def _hashes(item: Any) -> bool:
    try:
        hash(item)
    except TypeError:
        return False
    return True


def _asked(row: Row) -> list[Row]:
    """The objects of the question's schema; none where it cannot be read."""
    try:
        return [item for item in loads(row["instruction"])["schema"] if isinstance(item, dict)]
    except (KeyError, TypeError, ValueError, RecursionError):
        return []


def _label(row: Row) -> list[Any]:
    """The objects of the line's own gold; none where it cannot be read: the score reads that of the first line."""
    try:
        items = loads(row["label"]) if isinstance(row["label"], str) else row["label"]
        return [item for item in items if isinstance(item, dict)]
    except (TypeError, ValueError, RecursionError):
        return []


def _events(answer: Row, row: Row, odd: list[str]) -> Items:
    """{type: [{trigger, arguments: {role: value or values}}]}"""
    events: list[Any] = []
    arguments: list[Any] = []
    for kind, event in _objects(answer):
        events.append((kind, event.get("trigger", "")))
        roles = event.get("arguments", {})
        if isinstance(roles, dict):
            arguments += _filled(kind, roles)
        else:
            odd.append("`arguments` of an event is not an object")
    return events, arguments


def _flat_events(answer: Row, row: Row, odd: list[str]) -> Items:
    """{type: [{role: value or values}]}, without triggers."""
    events = _objects(answer)
    return [(kind, "") for kind, _ in events], [one for kind, roles in events for one in _filled(kind, roles)]


def _filled(kind: str, roles: Row) -> Iterator[tuple[str, Any, str]]:
    for role, values in roles.items():
        for value in values if type(values) is list else (values,):
            if value != "NAN":
                yield kind, value, role


def _gold_events(trigger: Callable[[Row], Any]) -> Callable[[Sequence[Any]], Items]:
    def gold(items: Sequence[Any]) -> Items:
        events = [(item["event_type"], trigger(item)) for item in items]
        arguments = [(item["event_type"], one["argument"], one["role"]) for item in items for one in item["arguments"]]
        return events, arguments

    return gold


def _attributes(answer: Row, row: Row, odd: list[str]) -> Items:
    """{type: {head: {attribute: value or values}}}: items that no gold triple is equal to."""
    heads = [(kind, *entry) for kind, found in answer.items() if isinstance(found, dict) for entry in found.items()]
    items = [item for item in heads if isinstance(item[2], dict)]
    for item in items:
        for values in item[2].values():
            if type(values) is list and not all(isinstance(value, str) for value in values):
                odd.append("a list of attributes holds what is not a string")
    return (items,)


RULES: dict[str, Rule] = {
    "NER": Rule(ONE, lambda items: ([(item["entity"], item["entity_type"]) for item in items],), _typed_strings),
    "RE": Rule(ONE, _triples, _ends("head", "tail")),
    "SPO": Rule(ONE, _typed_triples, spo),
    "EE": Rule(EVENTS, _gold_events(lambda item: item["event_trigger"]), _events),
    "EET": Rule(ONE, lambda items: ([(item["event_trigger"], item["event_type"]) for item in items],), _typed_strings),
    "EEA": Rule(EVENTS, _gold_events(lambda item: ""), _events),
    "KG": Rule(ONE, _triples, _attributes),
}
IEPILE: dict[str, Rule] = {
    "RE": RULES["RE"]._replace(answer=_ends("subject", "object")),
    "EEA": RULES["EEA"]._replace(answer=_flat_events),
}
"""Where IEPile's code reads otherwise."""

VARIANTS = ("deepke", "deepke_llm", "iepile")
