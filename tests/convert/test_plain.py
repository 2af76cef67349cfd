"""Plain rows take the quick way and get the bytes of the careful one; whatever is odd takes the careful one."""

import json
from importlib import import_module
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.convert.parts import Convert
from extune.convert.plain import Plain, plain
from extune.files import Unread
from extune.instruct import Asking
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.readers import FORMATS
from extune.schema import Schema
from extune.tasks import TASKS

IEPILE = import_module("extune.convert.iepile")
SCHEMA = Schema(entities=("a", "b", "c"), relations=("a", "b"), triples=(("p", "a", "q"), ("q", "b", "p")))
TEXT = 'x "y" \\ 张三'
WORDS = ["x", "y", "张三", "a", "b", "c", "p", "q", "", " ", "not there", None, 3, 1e300, 10**30, ["x"]]
NAMES = {
    "instructie": {"NER": "entity", "RE": "relation", "SPO": "relation"},
    "records": {"NER": "entities", "RE": "relations", "SPO": "relations"},
}
KEYS = ("entity", "entity_type", "text", "type", "head", "head_type", "relation", "tail", "tail_type", "start", "end")
CASES = [(form, task) for form, names in NAMES.items() for task in names]


def prompt(task: str, schema: Schema = SCHEMA) -> Prompt:
    return Prompt(TASKS[task], NOTATIONS["iepile_json"], schema)


def converts(form: str, task: str) -> Convert:
    found: Convert = IEPILE.iepile(IEPILE.Plan(prompt(task), Asking(2), form, "x.jsonl", "here"))
    return found


def quick(form: str, task: str = "NER", asking: Asking | None = None, schema: Schema = SCHEMA) -> Plain | None:
    return plain(prompt(task, schema), asking or Asking(), FORMATS[form], "here")


words = st.sampled_from(WORDS)
good = st.fixed_dictionaries(
    {key: st.sampled_from(["x", "张三", "a", "b"]) for key in KEYS[:9]}, optional={"start": st.none()}
)
items = st.one_of(good, st.dictionaries(st.sampled_from(KEYS), words), words)
rows = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from([TEXT, "x", "", " ", "x\0", 3]),
        **{name: st.one_of(st.lists(good, max_size=3), st.lists(items, max_size=3), words) for name in
           ("entity", "relation", "entities", "relations")},
        **dict.fromkeys(("id", "lang", "source", "event", "events", "cate", "graph", "tasks"), words),
    },
)  # fmt: skip


@pytest.mark.parametrize(("form", "task"), CASES)
@settings(max_examples=30)
@given(row=rows, escaped=st.booleans(), twice=st.sampled_from(["", '"text": "x", ', '"id": "\\u0022\\u0022", ']))
def test_every_row_gets_what_the_careful_way_gives_it(
    form: str, task: str, row: dict[str, Any], escaped: bool, twice: str
) -> None:
    raw = json.dumps(row, ensure_ascii=escaped).encode().replace(b"{", b"{" + twice.encode(), 1)
    with patch.object(IEPILE, "plain", lambda *_: None):
        careful = converts(form, task)
    assert converts(form, task)((1, raw)) == careful((1, raw))


@pytest.mark.parametrize(("form", "task"), CASES)
def test_the_rows_of_most_files_are_plain(form: str, task: str) -> None:
    item = dict.fromkeys(KEYS[:9], "x")
    row = {"text": TEXT, NAMES[form][task]: [item, item]}
    convert = quick(form, task)
    assert convert is not None
    for more in ({}, {"id": "7"}, {"id": "7", "lang": "zh", "source": "there"}):
        assert convert(json.dumps(row | more).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b'{"text": "x", "entity": [], "text": "x"}',
        b'{"text": "x", "entity": [], "cate": "x"}',
        b'{"text": "x", "entity": [], "relation": []}',
        b'{"text": "x", "entity": [{"entity": "x"}]}',
        b'{"text": "x", "entity": NaN}',
        b'{"text": " ", "entity": []}',
        b'{"text": "x\\u0000", "entity": []}',
        b'{"text": "\\ud800", "entity": []}',
        b'{"text": "\xff", "entity": []}',
        b"[]",
        b"{",
        Unread(b'{"text": "x", "entity": []}', "too long"),
    ],
)
def test_what_is_not_plain_is_left_to_the_careful_way(raw: bytes) -> None:
    convert = quick("instructie")
    assert convert is not None
    assert convert(raw) is None


def test_offsets_that_are_not_true_are_left_to_the_careful_way() -> None:
    convert = quick("records")
    assert convert is not None
    item = {"text": "x", "type": "a", "start": 0, "end": 1}
    assert convert(json.dumps({"text": "xy", "entities": [item]}).encode())
    for wrong in ({"start": 1, "end": 2}, {"start": 0.0}, {"end": None}):
        assert convert(json.dumps({"text": "xy", "entities": [item | wrong]}).encode()) is None


def test_nothing_is_quick_where_records_differ_or_are_drawn_for() -> None:
    assert quick("instructie") is not None
    for asking in (Asking(negatives=0.5), Asking(shuffle=True), Asking(keep_empty=0.5), Asking(hard={"a": ("b",)})):
        assert quick("instructie", asking=asking) is None
    assert quick("instructie", schema=Schema(entities=("a",), aliases={"b": "a"})) is None
    assert quick("instructie", "RE", schema=Schema(relations=("a",), attributes={"p": ("a",)})) is None
    assert quick("instructie", "EE") is None
    assert quick("duie") is None
