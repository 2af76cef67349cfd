"""What the answers of IEPile's tasks say, {label: ...} as DeepKE-LLM's converter writes them, of each release."""

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

from ..records import Argument, Entity, Event, Relation
from .lines import Row, filled, listed, objects, optional, string

Item: TypeAlias = Entity | Relation | Event
EndTypes: TypeAlias = dict[str, tuple[str | None, str | None]]

ABSENT = ("", "NAN")
"""What stands where nothing was found: the converter's training rows name every asked role."""


def told_task(output: Row, question: Row) -> str:
    """The task of a row that names none, from the first answer that holds something.

    Only the instruction tells triggers from entities: both are lists of strings.
    """
    value = next((value for value in output.values() if value), None)
    first = value[0] if isinstance(value, list) else value
    if isinstance(value, dict):
        return "KG"
    if isinstance(first, dict):
        return "RE" if {"head", "subject"} & set(first) else "EE"
    asked = optional(question, "instruction") or ""
    return "EET" if "事件" in asked or "event" in asked.lower() else "NER"


def _entities(output: Row, question: Row) -> list[Item]:
    return [Entity(text, label) for label in output for text in _present(output, label)]


def _triggers(output: Row, question: Row) -> list[Item]:
    return [Event(label, text) for label in output for text in _present(output, label)]


def _present(row: Row, name: str) -> list[str]:
    """The strings of a field that is a list of them, or one alone, without the absent ones."""
    values = [row[name]] if isinstance(row[name], str) else listed(row, name)
    return [text for value in values if (text := string({name: value}, name)).strip() not in ABSENT]


def _relations(output: Row, question: Row) -> list[Item]:
    types = _end_types(question)
    pairs = ((label, pair) for label in output for pair in objects(output, label))
    return [found for label, pair in pairs if (found := _relation(pair, label, types))]


def _relation(pair: Row, label: str, types: EndTypes) -> Relation | None:
    """The converter writes head and tail for RE, subject and object for SPO; its documentation, for both."""
    names = ("head", "tail") if "head" in pair else ("subject", "object")
    head, tail = (string(pair, name) for name in names)
    if head in ABSENT or tail in ABSENT:
        return None
    return Relation(filled(pair, names[0]), label, filled(pair, names[1]), *types.get(label, (None, None)))


def _end_types(question: Row) -> EndTypes:
    """Types of subject and object by predicate; not of one asked twice, whose answers do not say which."""
    asked = [item for item in question.get("schema") or () if isinstance(item, dict) and "predicate" in item]
    times = Counter(string(item, "predicate") for item in asked)
    return {
        item["predicate"]: (optional(item, "subject_type"), optional(item, "object_type"))
        for item in asked
        if times[item["predicate"]] == 1
    }


def _events(output: Row, question: Row) -> list[Item]:
    return [_event(item, label) for label in output for item in objects(output, label)]


def _event(item: Row, label: str) -> Event:
    """{trigger, arguments: {role: value}}; one of the two releases writes the roles of EEA without either key."""
    roles = item if not {"trigger", "arguments"} & set(item) else item.get("arguments") or {}
    if not isinstance(roles, dict):
        raise TypeError("field 'arguments' is not an object of roles")
    trigger = "".join(_present({"trigger": item.get("trigger") or ""}, "trigger"))
    return Event(label, trigger, tuple(Argument(role, text) for role in roles for text in _present(roles, role)))


def _graph(output: Row, question: Row) -> list[Item]:
    """{entity type: {entity: {attribute: value}}}: an attribute is a relation, an entity without any stays one."""
    items: list[Item] = []
    for label in output:
        for head in _object(output, label):
            attributes = _object(output[label], head)
            values = ((name, value) for name in attributes for value in _present(attributes, name))
            items += [Relation(head, name, value, label) for name, value in values] or [Entity(head, label)]
    return items


def _object(row: Row, name: str) -> Row:
    """A field that is an object; an empty list stands for an empty one."""
    value = row[name] or {}
    if not isinstance(value, dict):
        raise TypeError(f"field {name!r} is not an object")
    return value


TASKS: dict[str, Callable[[Row, Row], list[Item]]] = {
    "NER": _entities,
    "RE": _relations,
    "SPO": _relations,
    "EE": _events,
    "EET": _triggers,
    "EEA": _events,
    "KG": _graph,
}
"""(output, question) -> items; SPO is read as relations with typed ends, KG as relations with typed heads."""
