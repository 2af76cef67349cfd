"""The three event tasks, by hand."""

import pytest

from extune.records import Argument, Event, Record
from extune.schema import Schema
from extune.tasks import TASKS

EE, EET, EEA = TASKS["EE"], TASKS["EET"], TASKS["EEA"]
SCHEMA = Schema(events={"起诉": ("原告", "被告"), "收购": ()}, descriptions={"收购": "一家公司买下另一家"})
TYPES = ("起诉", "收购")
SUED = Event("起诉", "诉讼", (Argument("被告", "乙"), Argument("原告", "甲"), Argument("被告", "丙")))
BOUGHT = Event("收购", "买下")
SILENT = Event("起诉", "", (Argument("原告", "丁"),))
RECORD = Record("1", "甲诉讼乙丙，丁也。买下", events=(SUED, BOUGHT, SILENT, Event("起诉", "")))


def test_the_question_names_types_and_roles_and_never_what_the_text_holds() -> None:
    described = {"event_type": "收购", "arguments": [], "description": "一家公司买下另一家"}
    assert EE.question(TYPES, SCHEMA) == [
        {"event_type": "起诉", "trigger": True, "arguments": ["原告", "被告"]},
        {**described, "trigger": True},
    ]
    assert EEA.question(TYPES, SCHEMA) == [{"event_type": "起诉", "arguments": ["原告", "被告"]}, described]
    assert EET.question(TYPES, SCHEMA) == {"起诉": "", "收购": "一家公司买下另一家"}
    assert EET.question(TYPES[:1], SCHEMA) == ["起诉"]
    assert all(task.ask(RECORD, SCHEMA) == TYPES for task in (EE, EET, EEA))


def test_an_event_has_every_role_if_it_has_one() -> None:
    assert EE.encode(EE.items(RECORD), TYPES, SCHEMA) == {
        "起诉": [
            {"trigger": ["诉讼"], "arguments": {"原告": ["甲"], "被告": ["乙", "丙"]}},
            {"trigger": [], "arguments": {"原告": ["丁"], "被告": []}},
        ],
        "收购": [{"trigger": ["买下"], "arguments": {}}],
    }


def test_an_answer_gives_its_events_back_and_one_that_says_nothing_is_none() -> None:
    value = {"起诉": [{"trigger": ["诉讼"], "arguments": {"被告": ["乙", "乙"]}}, {"trigger": [], "arguments": {}}, {}]}
    assert EE.decode(value, TYPES, SCHEMA) == (Event("起诉", "诉讼", (Argument("被告", "乙"),)),)
    assert EEA.decode({"起诉": [{"被告": ["乙"]}, {"被告": []}, {}]}, TYPES, SCHEMA) == (
        Event("起诉", "", (Argument("被告", "乙"),)),
    )


def test_the_order_of_arguments_is_no_part_of_an_event() -> None:
    assert EE.key(SUED) == EE.key(Event("起诉", "诉讼", SUED.arguments[::-1] + SUED.arguments))
    assert EE.key(SUED) != EE.key(Event("起诉", "告", SUED.arguments))
    assert EEA.key(SUED) == EEA.key(Event("起诉", "告", SUED.arguments))
    assert EET.key(SUED) == EET.key(Event("起诉", "诉讼"))


def test_each_task_takes_its_part_of_the_events() -> None:
    assert EE.items(RECORD) == (SUED, BOUGHT, SILENT)
    assert EET.items(RECORD) == (Event("起诉", "诉讼"), BOUGHT)
    assert EEA.items(RECORD) == (Event("起诉", "", SUED.arguments), SILENT)
    assert EET.encode(EET.items(RECORD), TYPES, SCHEMA) == {"起诉": ["诉讼"], "收购": ["买下"]}
    assert EEA.encode(EEA.items(RECORD), TYPES, SCHEMA) == {
        "起诉": [{"原告": ["甲"], "被告": ["乙", "丙"]}, {"原告": ["丁"], "被告": []}],
        "收购": [],
    }
    assert EEA.with_items(RECORD, (SUED,)).events == (Event("起诉", "", SUED.arguments),)


@pytest.mark.parametrize(
    ("event", "known"),
    [(SUED, True), (BOUGHT, True), (Event("收购", "买", (Argument("原告", "甲"),)), False), (Event("x", "y"), False)],
)
def test_an_event_is_known_with_its_type_and_all_its_roles(event: Event, known: bool) -> None:
    assert EE.known(event, SCHEMA) == EEA.known(event, SCHEMA) == known
    assert EET.known(event, SCHEMA) == (event.event_type in TYPES)
