"""How the base without an adapter is asked, and what is said of it beside the tuned version."""

from dataclasses import replace

import pytest

from extune.before_after import BASE, CONSTRAINED, EXAMPLES, TUNED, flat, table, untuned
from extune.instruct import queries
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.records import Record, Relation, record_to_json
from extune.schema import Schema
from extune.tasks import TASKS

SCHEMA = Schema(entities=("person",), relations=("works for", "lives in"))
LINES = Prompt(TASKS["RE"], NOTATIONS["triple_lines"], SCHEMA, "", {"en": "Extract:", "zh": "抽取："})
JSON = replace(LINES, notation=NOTATIONS["iepile_json"])
ANN = Record("a", "Ann works for Bolt.", "en", relations=(Relation("Ann", "works for", "Bolt"),))
BO = Record("b", "Bo lives in Rome.", "en", relations=(Relation("Bo", "lives in", "Rome"),))


def said(prompt: Prompt, text: str = "Cy came.") -> str:
    (query,) = queries(Record("1", text), prompt.task, prompt.schema, -1)
    return prompt.text(query)


def test_the_base_is_asked_free_constrained_and_with_examples() -> None:
    asked = untuned(LINES, [ANN])
    assert {name: constrained for name, (_, constrained) in asked.items()} == {
        BASE: False, CONSTRAINED: True, EXAMPLES: True,
    }  # fmt: skip
    assert asked[BASE][0] == asked[CONSTRAINED][0]
    assert "Ann works for Bolt." in said(asked[EXAMPLES][0])
    assert "Bolt" not in said(asked[BASE][0])


@pytest.mark.parametrize("text", ["Cy came.", "他来了。"])
def test_the_base_gets_the_tasks_whole_wording_and_the_labels_it_never_learned(text: str) -> None:
    plain = said(untuned(LINES, [])[BASE][0], text)
    language = "en" if text.isascii() else "zh"
    assert TASKS["RE"].instructions["triple_lines"][language] in plain
    assert "works for, lives in" in plain
    assert "works for" not in said(LINES), "the tuned version knows them"
    listed = said(untuned(JSON, [])[BASE][0], text)
    assert listed.count("works for") == 1


def test_the_examples_are_the_tuned_versions_own_where_it_has_some() -> None:
    own = replace(LINES, schema=replace(SCHEMA, examples=(record_to_json(BO),)))
    asked = untuned(own, [ANN])
    assert asked[EXAMPLES][0].schema.examples == own.schema.examples
    assert asked[BASE][0].schema.examples == ()


def test_without_any_example_there_is_no_such_column() -> None:
    assert list(untuned(LINES, [])) == [BASE, CONSTRAINED]


ROW = {
    "f1": 0.25, "f1_low": 0.1, "f1_high": 0.3, "precision": 0.5, "recall": 0.2, "exact_match": 0.1, "parse_rate": 0.75,
    "schema_valid_rate": 0.5, "invented_spans": 3,
}  # fmt: skip
REPORT = {"systems": [{"name": BASE, **ROW, "behind": 0.65}, {"name": TUNED, **ROW, "f1": 0.9}]}


def test_the_table_and_the_figures_hold_the_systems_side_by_side() -> None:
    head, base, tuned = table(REPORT)
    assert base.split() == ["base,", "free", *"75.0% 25.0 10.0 to 30.0 50.0 20.0 10.0 3 65.0".split()]
    assert tuned.split()[0] == "tuned"
    assert head.index(" F1") + 3 == base.index("25.0") + 4
    assert flat(REPORT) == {
        f"before_after.{name}.{key}": value
        for name, f1 in ((BASE, 0.25), (TUNED, 0.9))
        for key, value in
        {"f1": f1, "parse_rate": 0.75, "schema_valid_rate": 0.5, "invented_spans": 3.0}.items()
    }  # fmt: skip
