"""The converter against the reference's own output: every recorded run, to the byte where the reference is stable.

The folder of the runs is $EXTUNE_ORACLE, else `shared/oracle` beside the repository.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from extune.deepke import TASKS, Options, converter, read_schema_lines
from extune.deepke.instructions import INSTRUCTIONS
from extune.errors import ConfigError, DataError

ORACLE = Path(os.environ.get("EXTUNE_ORACLE", Path(__file__).resolve().parents[3] / "shared" / "oracle"))
MANIFEST = ORACLE / "manifest_convert.json"
VARIANTS = ("deepke", "iepile")

# What the reference crashes on, and what we give instead. (task, run): tasks that crash there.
INSTEAD = {
    "train_split0": "ConfigError: a group of no labels",
    "train_nolabel": "DataError: names the missing field",
    "train_noschemafile": "DataError: KG has no entity type to ask",
    "test_nolabel": "lines without a label; EEA asks all event types",
    "train_negm1": "all attributes, as neg_schema 1 (EEA, KG)",
    "train_cluster": "a label without an entry has no confusable ones; EE asks all roles of the chosen types",
    "train_cluster_random": "as train_cluster",
}

Run = dict[str, Any]


@cache
def manifest() -> list[Run]:
    found: list[Run] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return found


def runs() -> list[Any]:
    if not MANIFEST.is_file():
        skip = pytest.mark.skip(reason=f"no recorded runs: set EXTUNE_ORACLE (looked at {ORACLE})")
        return [pytest.param({}, "", marks=skip)]
    return [
        pytest.param(run, variant, id="-".join((run["task"], run["dataset"], run["run"], variant)))
        for run in manifest()
        for variant in VARIANTS
    ]


@cache
def rows(task: str, dataset: str, name: str) -> list[Any]:
    lines = (ORACLE / task / dataset / name).read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def options(run: Run, variant: str) -> Options:
    given = dict(zip(run["args"], run["args"][1:], strict=False))
    hard = ORACLE / run["task"] / run["dataset"] / "hard_negative.json"
    return Options(
        task=run["task"],
        language=run["language"],
        test=given["--split"] == "test",
        split_num=int(given["--split_num"]),
        negatives=float(given.get("--neg_schema", 1)),
        random_sort="--random_sort" in run["args"],
        hard_negatives=json.loads(hard.read_text(encoding="utf-8")) if "--cluster_mode" in run["args"] else None,
        variant=variant,
    )


def converted(run: Run, variant: str) -> list[bytes]:
    folder = ORACLE / run["task"] / run["dataset"]
    schema = read_schema_lines(None if run["run"] == "train_noschemafile" else folder / "schema.json")
    convert = converter(schema, options(run, variant), run["dataset"])
    return [line for row in rows(run["task"], run["dataset"], run["input"]) for line in convert(row).splitlines()]


@pytest.mark.integration
@pytest.mark.parametrize(("run", "variant"), runs())
def test_every_recorded_run_is_reproduced(run: Run, variant: str) -> None:
    own = variant == "iepile" and not run["iepile_same_as_main"] and run["iepile_returncode"] == 0
    if run["returncode"]:
        check_instead(run, variant)
        return
    expected = (ORACLE / run["iepile_expected" if own else "expected"]).read_bytes().splitlines()
    got = converted(run, variant)
    if run["iepile_deterministic" if own else "deterministic_across_PYTHONHASHSEED"]:
        assert got == expected
    else:
        check_invariants(run, variant, [parsed(line) for line in got], [parsed(line) for line in expected])


class Line:
    """A line with the parts whose order depends on the hash seed made comparable."""

    def __init__(self, row: dict[str, Any]) -> None:
        question = json.loads(row["instruction"])
        self.meta = {key: value for key, value in row.items() if key not in ("instruction", "output")}
        self.instruction, self.text = question["instruction"], question["input"]
        self.asked = question["schema"]
        self.schema = [_item(item) for item in self.asked]
        self.output: dict[str, Any] = json.loads(row.get("output", "{}"))

    def answers(self) -> Any:
        return _unordered(self.output)


def parsed(line: bytes) -> Line:
    return Line(json.loads(line))


def _item(item: Any) -> Any:
    if isinstance(item, str):
        return item
    return tuple((key, tuple(sorted(value)) if isinstance(value, list) else value) for key, value in item.items())


def _unordered(value: Any, inside: bool = False) -> Any:
    """Lists of strings inside an event as sets; dicts compare without order anyway."""
    if isinstance(value, dict):
        return {key: _unordered(inner, inside) for key, inner in value.items()}
    if isinstance(value, list) and inside:
        return frozenset(value)
    return [_unordered(item, isinstance(item, dict)) for item in value] if isinstance(value, list) else value


def key_of(item: Any) -> str:
    """The key of an asked item in the answer."""
    return (
        item
        if isinstance(item, str)
        else next(item[k] for k in ("predicate", "event_type", "entity_type") if k in item)
    )


def name_of(item: Any) -> str:
    """The label of an asked item."""
    return "_".join(item.values()) if "predicate" in item else key_of(item)


def check_invariants(run: Run, variant: str, got: list[Line], expected: list[Line]) -> None:
    name = run["run"]
    partial = "cluster" in name or "neg05" in name
    for line in got:
        assert list(line.output) == list(dict.fromkeys(map(key_of, line.asked))) or options(run, variant).test
    if "cluster" in name:
        assert sizes(labelled(got)) == sizes(labelled(expected)), "its labels, all confusable ones, split_num others"
    if partial or (run["task"] == "EEA" and "neg0" in name):
        whole = "train_rec" if run["task"] != "KG" else "train_neg0"
        check_share(run, got, [parsed(line) for line in converted(recorded(run, whole), variant)])
    elif options(run, variant).test or "random" in name:
        assert sizes(got) == sizes(expected)
        assert [line.meta for line in got] == [line.meta for line in expected]
        for mine, theirs in zip(texts(got), texts(expected), strict=True):
            assert Counter(i for line in mine for i in line.schema) == Counter(
                i for line in theirs for i in line.schema
            )
            if not collide(mine):
                assert merged(mine) == merged(theirs)
    else:
        assert [(x.meta, x.instruction, x.text) for x in got] == [(x.meta, x.instruction, x.text) for x in expected]
        assert [x.schema for x in got] == [x.schema for x in expected]
        assert [x.answers() for x in got] == [x.answers() for x in expected]


def recorded(run: Run, name: str) -> Run:
    """Another run on the same rows."""
    wanted = (run["task"], run["dataset"], name)
    return next(other for other in manifest() if (other["task"], other["dataset"], other["run"]) == wanted)


def texts(lines: Sequence[Line]) -> list[list[Line]]:
    return [list(group) for _, group in groupby(lines, key=lambda line: line.text)]


def sizes(lines: Sequence[Line]) -> list[list[int]]:
    return [[len(line.schema) for line in group] for group in texts(lines)]


def labelled(lines: Sequence[Line]) -> list[Line]:
    """The lines about texts that have labels."""
    return [line for group in texts(lines) if any(merged(group).values()) for line in group]


def collide(lines: Sequence[Line]) -> bool:
    keys = [key_of(item) for line in lines for item in line.asked]
    return len(keys) > len(set(keys))


def merged(lines: Sequence[Line]) -> dict[str, Any]:
    return {key: value for line in lines for key, value in line.answers().items()}


def check_share(run: Run, got: list[Line], whole: list[Line]) -> None:
    """Of the labels of a full run a part is asked; those that the row has are all there, with their answers.

    Confusable labels are asked even if the schema lacks them.
    """
    task, confusable = run["task"], options(run, "deepke").hard_negatives or {}
    more = {label for labels in confusable.values() for label in labels}
    full = {group[0].text: group for group in texts(whole)}
    for mine in texts(got):
        theirs = full.pop(mine[0].text)
        assert {name_of(i) for x in mine for i in x.asked} <= {name_of(i) for x in theirs for i in x.asked} | more
        if task not in ("EEA", "KG"):
            assert {key for key, value in merged(theirs).items() if value} <= merged(mine).keys()
        if task in ("NER", "RE", "EET"):
            filled = {key: value for key, value in merged(theirs).items() if value}
            assert {key: value for key, value in merged(mine).items() if value} == filled
        if task == "EE":
            assert triggers(mine) == triggers(theirs)
    assert not any(value for group in full.values() for value in merged(group).values()), "rows without labels only"


def triggers(lines: Sequence[Line]) -> dict[str, list[str]]:
    return {name: [event["trigger"] for event in events] for name, events in merged(lines).items() if events}


def check_instead(run: Run, variant: str) -> None:
    """What is given where the reference crashed."""
    name, task = run["run"], run["task"]
    assert name in INSTEAD
    if name == "train_split0":
        with pytest.raises(ConfigError, match="split_num is 0"):
            converted(run, variant)
    elif name in ("train_nolabel", "train_noschemafile"):
        with pytest.raises(DataError, match="lacks the field" if name == "train_nolabel" else "line 3 of the schema"):
            converted(run, variant)
    elif name == "test_nolabel":
        got = [parsed(line) for line in converted(run, variant)]
        assert {tuple(line.meta) for line in got} == {("id", "task", "source")}
        if task != "EEA":
            test = [parsed(line) for line in converted(recorded(run, "test_rec"), variant)]
            assert [(x.text, x.schema) for x in got] == [(x.text, x.schema) for x in test]
    elif name == "train_negm1":
        assert converted(run, variant) == converted(recorded(run, "train_rec"), variant)
    else:
        whole = converted(recorded(run, "train_rec"), variant)
        check_share(run, [parsed(line) for line in converted(run, variant)], [parsed(line) for line in whole])


def test_rows_of_a_kg_that_iepile_crashes_on_are_those_of_deepke() -> None:
    row = {"text": "甲任乙", "relation": [{"head": "甲", "relation": "任", "tail": "乙"}]}
    schema = (["人"], ["任"], {"人": ["任"]})
    lines = [converter(schema, Options("KG", variant=variant), "s")(row) for variant in VARIANTS]
    assert lines[0] == lines[1]


@pytest.mark.parametrize(
    ("task", "row", "why"),
    [
        ("NER", {"entity": []}, "lacks the field 'text'"),
        ("NER", {"text": "a"}, "lacks the field 'entity'"),
        ("NER", {"text": "a", "entity": None}, "the field 'entity' is not a list"),
        ("NER", {"text": "a", "entity": ["b"]}, "not a row of NER"),
        ("NER", {"text": "a", "entity": [{"entity": "a"}]}, "lacks the field 'entity_type'"),
        ("NER", {"text": "a", "entity": [{"entity": 5, "entity_type": "b"}]}, "must be a string, not int"),
        ("NER", {"text": "a", "entity": [{"entity": "a", "entity_type": None}]}, "not a row of NER"),
        ("NER", {"text": 5, "entity": []}, "not a row of NER"),
        ("NER", {"text": "\ud800", "entity": []}, "surrogates not allowed"),
        ("EE", {"text": "a", "event": [{"event_type": "A", "event_trigger": "a"}]}, "lacks the field 'arguments'"),
        ("KG", {"text": "a", "relation": [{"head": "a", "relation": "b", "tail": None}]}, "not a row of KG"),
    ],
)
def test_a_row_of_another_shape_is_a_data_error(task: str, row: Any, why: str) -> None:
    schema = (["b"], ["b"], {"b": ["b"]})
    with pytest.raises(DataError, match=why):
        converter(schema, Options(task), "s")(row)


def test_an_unknown_task_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no task 'ner'.*NER, RE, SPO, EE, EET, EEA, KG"):
        converter(([], [], {}), Options("ner"), "s")


def test_every_task_has_its_instruction_in_both_languages() -> None:
    assert INSTRUCTIONS.keys() == TASKS.keys()
    assert all(set(texts) == {"zh", "en"} for texts in INSTRUCTIONS.values())
