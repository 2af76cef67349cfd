"""A record's gold items as the field's evaluators expect them in the `label` of a test row.

Format: the sample files of https://github.com/zjunlp/DeepKE/tree/main/example/llm/InstructKGC
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..records import QA, Entity, Event, Record, Relation
from ..tasks import Task


def label(record: Record, task: Task) -> list[Any]:
    """The items of a task, in the order of the record."""
    form = FORMS[task.name]
    return [form(item) for item in task.items(record)]


def _entity(entity: Entity) -> dict[str, str]:
    return {"entity": entity.text, "entity_type": entity.type}


def _relation(relation: Relation) -> dict[str, str]:
    return {"head": relation.head, "relation": relation.relation, "tail": relation.tail}


def _typed(relation: Relation) -> dict[str, str]:
    return {
        "head": relation.head,
        "head_type": relation.head_type or "",
        "relation": relation.relation,
        "tail": relation.tail,
        "tail_type": relation.tail_type or "",
    }


def _event(event: Event) -> dict[str, Any]:
    arguments = [{"argument": argument.text, "role": argument.role} for argument in event.arguments]
    return {"event_type": event.event_type, "event_trigger": event.trigger, "arguments": arguments}


def _qa(qa: QA) -> dict[str, str]:
    return {"question": qa.question, "answer": qa.answer}


FORMS: Mapping[str, Callable[[Any], Any]] = {
    "NER": _entity,
    "RE": _relation,
    "SPO": _typed,
    "KG": _typed,
    "EE": _event,
    "EET": _event,
    "EEA": _event,
    "QA": _qa,
}
"""Graphs are not here: no evaluator of the field has a form for them."""
