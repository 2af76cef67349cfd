"""Events: what the recorded runs do not show."""

import json
from typing import Any

from extune.deepke import Options, converter

SCHEMA: Any = (["A", "B"], ["r", "s"], {"A": ["r", "s"]})


def event(trigger: str, **arguments: str) -> dict[str, Any]:
    listed = [{"role": role, "argument": value} for role, value in arguments.items()]
    return {"event_type": "A", "event_trigger": trigger, "arguments": listed}


def lines(task: str, events: list[Any], **changes: Any) -> list[tuple[Any, Any]]:
    """Schema and answer of each line."""
    convert = converter(SCHEMA, Options(task, **changes), "s")
    rows = map(json.loads, convert({"text": "a b NAN c", "event": events}).splitlines())
    return [(json.loads(row["instruction"])["schema"], json.loads(row.get("output", "null"))) for row in rows]


def test_events_stand_by_the_place_of_their_trigger_unknown_ones_first() -> None:
    ((_, answer),) = lines("EE", [event("c"), event("", r="1"), event("a"), event("?")])
    assert [found["trigger"] for found in answer["A"]] == ["?", "a", "NAN", "c"]


def test_a_type_without_roles_in_the_schema_is_asked_without() -> None:
    ((asked, _),) = lines("EE", [])
    assert [item["arguments"] for item in asked] == [["r", "s"], []]


def test_an_argument_question_has_no_more_triggers_than_roles_and_keeps_their_order() -> None:
    (((item,), _),) = lines("EEA", [event(trigger) for trigger in "abcde"])
    assert len(item["trigger"]) == 2
    assert item["trigger"] == sorted(item["trigger"])


def test_an_argument_test_asks_for_the_gold_types_only_and_not_at_all_without_events() -> None:
    assert lines("EEA", [event("a")], test=True) == [([{"event_type": "A", "arguments": ["r", "s"]}], None)]
    assert lines("EEA", [], test=True) == lines("EEA", []) == []
