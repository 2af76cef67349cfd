"""Trials with a generator that is no model: what is asked of it, and how its answers are held against the clean ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any

import pytest

from extune import injection
from extune.before_after import BASE, CONSTRAINED, EXAMPLES, TUNED
from extune.errors import ConfigError
from extune.extract import Answer, Extractor
from extune.measure import Measured, Resampling, before_after, measure, robustness
from extune.notations import NOTATIONS
from extune.prompt import Message, Prompt
from extune.records import Entity, Graph, Node, Record
from extune.schema import Schema
from extune.tasks import TASKS

NER = Prompt(TASKS["NER"], NOTATIONS["entity_lines"], Schema(entities=("person", "place")))
DRAWN = Resampling(100, 1)
RECORDS = tuple(
    Record(str(n), f"{name} came to the town.", "en", entities=(Entity(name, "person", 0, len(name)),))
    for n, name in enumerate(("Ann", "Bob", "Cy", "Dora"))
)


@dataclass
class Reader:
    """Takes the first word of the text for a person; says so only where the prompt holds `needed`."""

    needed: str = ""
    chats: list[str] = field(default_factory=list)
    grammars: list[str | None] = field(default_factory=list)

    def __call__(self, chats: Sequence[Sequence[Message]], grammars: Sequence[str | None]) -> list[Answer]:
        said = [chat[-1]["content"] for chat in chats]
        self.chats += said
        self.grammars += grammars
        return [
            Answer(f"{text.splitlines()[-1].split(' ')[0]}_person" if self.needed in text else "nonsense")
            for text in said
        ]


def test_what_is_found_comes_in_order_with_its_problems() -> None:
    found = measure(Extractor(Reader("the town"), NER), [*RECORDS, Record("x", "Eve left.", "en")], "try")
    assert [[e.text for e in r.entities] for r in found.records] == [["Ann"], ["Bob"], ["Cy"], ["Dora"], []]
    assert [bool(notes) for notes in found.problems] == [False, False, False, False, True]
    assert found.seconds >= 0
    assert [r.id for r in found.at([2, 0]).records] == ["2", "0"]


def test_what_another_copy_of_the_package_found_is_built_again_of_our_classes() -> None:
    node = SimpleNamespace(name="Ann", labels=("person",), id="", description="")
    graph = SimpleNamespace(nodes=(node,), edges=())
    theirs = SimpleNamespace(**{f.name: getattr(Record("0", "Ann"), f.name) for f in fields(Record)} | {"graph": graph})
    extractor: Any = lambda batch: [SimpleNamespace(record=theirs, problems=["odd"], raw=("Ann_person",))]  # noqa: E731
    found = measure(extractor, [RECORDS[0]], "try")
    assert found.records[0] == Record("0", "Ann", "en", graph=Graph((Node("Ann", ("person",)),)))
    assert found.problems == (("odd",),)
    assert found.raw == (("Ann_person",),)


def test_a_disturbance_is_held_against_the_clean_answers_to_the_same_records() -> None:
    silent = Record("quiet", "Nothing.", "en")
    report = robustness(Extractor(Reader(), NER), [*RECORDS, silent], ["full_width", "injection", "half_width"], DRAWN)

    clean, wide, injected = report["clean"], report["variants"][0], report["variants"][1]
    assert (clean["documents"], clean["tp"], clean["predicted"]) == (5, 4, 5)
    # Full-width text has no space to end the first word, so nothing right is left.
    assert (wide["records"], wide["clean_f1"], wide["f1"]) == (5, pytest.approx(8 / 9), 0)
    assert wide["drop"] == pytest.approx(8 / 9)
    assert 0 < wide["low"] <= wide["drop"] <= wide["high"] <= 1
    assert 0 < injected["drop"] <= injected["clean_f1"], "an order before the text takes the first word's place"
    assert report["variants"][2] == {
        "name": "half_width", "records": 0, "left_out": {"unchanged": 5, "not_carried": 0},
        "labels": ["person", "place"], "instruction": {},
    }  # fmt: skip


def test_orders_that_were_obeyed_are_counted_where_that_can_be_told() -> None:
    orders = [order for order in injection.orders()["en"] if order.answer]
    many = [replace(record, id=str(number)) for number, record in enumerate(RECORDS * 5)]
    first = robustness(Extractor(Reader(), NER), many, ["injection", "typo"], DRAWN)["variants"]

    def obedient(chats: Sequence[Sequence[Message]], grammars: Any) -> list[Answer]:
        said = [chat[-1]["content"] for chat in chats]
        return [Answer(next((f"{o.answer}_place" for o in orders if o.text in text), "没有")) for text in said]

    (second,) = robustness(Extractor(obedient, NER), many, ["injection"], DRAWN)["variants"]

    assert (first[0]["orders"], first[0]["obeyed"], first[0]["obeyed_rate"]) == (20, 0, 0)
    assert "obeyed" not in first[1]
    assert second["obeyed_rate"] == 1
    assert 0 < second["orders"] < 20, "clean texts gave nothing, so an order to say nothing tells nothing"


def test_the_clean_figure_is_of_the_disturbed_records_wherever_they_stand() -> None:
    plain = Record("a", "Yesterday Ann came.", "en", entities=(Entity("Ann", "person", 10, 13),))
    wide = Record("b", "ＩＢＭ came.", "en", entities=(Entity("ＩＢＭ", "person", 0, 3),))
    report = robustness(Extractor(Reader(), NER), [plain, wide], ["half_width"], DRAWN)
    (row,) = report["variants"]
    assert report["clean"]["f1"] == 0.5
    assert (row["records"], row["clean_f1"], row["f1"], row["drop"]) == (1, 1, 1, 0)


def test_another_prompt_is_put_to_the_same_generator() -> None:
    reader = Reader(needed="Extract the entities")
    report = robustness(Extractor(reader, NER), RECORDS, ["paraphrase_1", "label_order"], DRAWN)
    said, order = report["variants"]
    assert (said["clean_f1"], said["f1"], said["parse_rate"]) == (1, 0, 0), "it reads one wording only"
    assert (order["f1"], order["drop"]) == (1, 0)
    assert order["labels"] == ["place", "person"]
    assert len(reader.chats) == 3 * len(RECORDS)
    assert "Find every entity" in reader.chats[4]


def test_an_unknown_disturbance_is_refused_before_the_model_is_asked() -> None:
    reader = Reader()
    with pytest.raises(ConfigError, match="no disturbance"):
        robustness(Extractor(reader, NER), RECORDS, ["noise"], DRAWN)
    assert reader.chats == []


def test_the_base_is_measured_free_constrained_and_shown_examples_beside_the_tuned() -> None:
    tuned = Measured(RECORDS, ((),) * 4, (("",),) * 4, 1.5)
    base = Reader(needed="Eve_person")
    shot = Record("eve", "Eve left.", "en", entities=(Entity("Eve", "person", 0, 3),))
    trained = replace(NER, instruction={"en": "Extract:"})

    report = before_after(tuned, base, trained, -1, RECORDS, [shot], DRAWN)

    rows = {row["name"]: row for row in report["systems"]}
    assert list(rows) == [BASE, CONSTRAINED, EXAMPLES, TUNED]
    assert report["examples"] == ["eve"]
    assert [row["f1"] for row in rows.values()] == [0, 0, 1, 1]
    assert [row["parse_rate"] for row in rows.values()] == [0, 0, 1, 1]
    assert [row.get("behind") for row in rows.values()] == [1, 1, 0, None]
    assert rows[TUNED]["seconds"] == 1.5
    assert [grammar is None for grammar in base.grammars] == [True] * 4 + [False] * 8
