"""A report of a task that has every form of document: right, wrong in every way, hostile, empty."""

from collections.abc import Callable, Sequence

import pytest

from extune.extract import Extraction
from extune.records import QA, Argument, Edge, Entity, Event, Node, Record, Relation
from extune.report import Report, Split, document_row, page
from extune.score import count_invalid, count_problems, score, summary
from extune.tasks import TASKS, Item

HOSTILE = '</script ><script>alert("1")</script><!-- \u202e & \ud83d <img src=x onerror=alert(2)>'
TEXT = "Ann met Bob Roe at Acme in Rome."

# Task -> gold and predicted items of the text above.
CASES: dict[str, tuple[Sequence[Item], Sequence[Item]]] = {
    "NER": (
        [Entity("Ann", "PER"), Entity("Bob Roe", "PER"), Entity("Acme", "ORG"), Entity("Rome", "LOC")],
        [Entity("Ann", "PER"), Entity("Bob", "PER"), Entity("Acme", "LOC"), Entity("Zed", "PER")],
    ),
    "RE": (
        [Relation("Ann", "met", "Bob Roe"), Relation("Acme", "in", "Rome"), Relation("Ann", "at", "Acme")],
        [Relation("Bob Roe", "met", "Ann"), Relation("Acme", "in", "Rome"), Relation("Ann", "in", "Acme")],
    ),
    "SPO": (
        [Relation("Ann", "met", "Bob Roe", "PER", "PER"), Relation("Acme", "in", "Rome", "ORG", "LOC")],
        [Relation("Ann", "met", "Bob", "PER", "PER"), Relation("Acme", "in", "Rome", "ORG", "ORG")],
    ),
    "EE": (
        [Event("Meet", "met", (Argument("who", "Ann"), Argument("whom", "Bob Roe"))), Event("Stay", "at")],
        [Event("Meet", "met", (Argument("whom", "Ann"), Argument("who", "Bob Roe"))), Event("Go", "in")],
    ),
    "EET": ([Event("Meet", "met")], [Event("Move", "met")]),
    "EEA": (
        [Event("Meet", "", (Argument("who", "Ann"),))],
        [Event("Meet", "", (Argument("who", "Acme"),))],
    ),
    "KG": (
        [Relation("Acme", "city", "Rome", "ORG"), Relation("Ann", "friend", "Bob Roe", "PER")],
        [Relation("Acme", "seat", "Rome", "ORG"), Relation("Ann", "friend", "Bob Roe", "PER")],
    ),
    "QA": (
        [QA("Who met Ann?", "Bob Roe", TEXT, ("Bob Roe", "Roe"))],
        [QA("Who met Ann?", "Bob")],
    ),
    "GRAPH": (
        [
            Node("Ann", ("PER",), description="a person"),
            Node("Acme", ("ORG",)),
            Node("Rome", ("LOC",)),
            Edge("at", "Ann", "Acme", evidence="at Acme"),
            Edge("in", "Acme", "Rome"),
        ],
        [
            Node("Ann", ("PER",)),
            Node("Acme", ("LOC",)),
            Node("Rome", ("LOC",)),
            Edge("at", "Acme", "Ann"),
            Edge("in", "Acme", "Rome"),
        ],
    ),
}


def case(name: str) -> tuple[Record, Extraction]:
    """The document of CASES and what was extracted from it."""
    task, (gold, predicted) = TASKS[name], CASES[name]
    bare = Record("case", TEXT, "en", qa=gold[0] if name == "QA" else None)
    record = task.with_items(bare, gold)
    return record, Extraction(task.with_items(record, predicted), name)


def split_of(pairs: Sequence[tuple[Record, Extraction]], name: str) -> Split:
    """The pairs scored and made into a split."""
    task, problems = TASKS[name], [e.problems for _, e in pairs]
    counted = count_problems(problems) | count_invalid(problems)
    scored = score([(gold, found.record) for gold, found in pairs], task, frozenset({"Ann"}))
    return Split(
        metrics=summary(scored, counted, 50, 1),
        documents=[document_row(gold, found, task) for gold, found in pairs],
    )


@pytest.fixture(scope="session")
def report_of() -> Callable[..., Report]:
    """Tasks -> a report with a split for the case of each."""
    return lambda *names: Report(
        model="demo/7", task=names[0], base="b", splits={name: split_of([case(name)], name) for name in names}
    )


def pairs() -> list[tuple[Record, Extraction]]:
    """Right, wrong, hostile with a problem, right because empty."""
    zh = Record("zh", "😀张三毕业于清华大学。", "zh", relations=(Relation("张三", "毕业于", "清华大学"),))
    en = Record("en", "Ann met Bob and Zoe.", "en", relations=(Relation("Ann", "met", "Bob"),))
    evil = Record(f"id {HOSTILE}", f"Eve {HOSTILE}", "en", relations=(Relation("Eve", HOSTILE, HOSTILE),))
    none = Record("none", "Nothing here.", "en")
    wrong = TASKS["RE"].with_items(en, (Relation("Ann", "met", "Zoe"), Relation("Ann", "met", "Zed")))
    return [
        (zh, Extraction(zh, "RE", confidence={("张三", "毕业于", "清华大学"): 0.93})),
        (en, Extraction(wrong, "RE")),
        (evil, Extraction(evil, "RE", raw=(HOSTILE,), problems=(f"unread: {HOSTILE}",))),
        (none, Extraction(none, "RE")),
    ]


@pytest.fixture(scope="session")
def report() -> Report:
    """A report of relations in two splits, with everything that a report may have."""
    test = split_of(pairs(), "RE")
    silent = [(gold, TASKS["RE"].with_items(gold, ())) for gold, _ in pairs()]
    test["baseline"] = summary(score(silent, TASKS["RE"]), {}, 50, 1)
    return Report(
        model="demo/7",
        task="RE",
        base=f"base {HOSTILE}",
        splits={"dev": split_of(pairs()[:2], "RE"), "test": test},
        loss=[{"step": 1, "loss": 2.5}, {"step": 2, "loss": None}, {"step": 3, "loss": 1.25}],
        stages=[{"stage": "train", "seconds": 90.5}],
        facts={"Data": "0f3a", "Note": HOSTILE},
    )


@pytest.fixture(scope="session")
def hostile() -> str:
    """What a text, a label or an id may be at its worst."""
    return HOSTILE


@pytest.fixture(scope="session")
def source(report: Report) -> str:
    """The page of `report`."""
    return page(report)
