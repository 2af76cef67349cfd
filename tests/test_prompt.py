"""Prompts, word for word: a model answers the wording it was trained with, so another one is another version."""

import json
from typing import Any

import pytest

from extune.errors import ConfigError
from extune.notations import NOTATIONS
from extune.prompt import PROMPT_VERSION, Prompt
from extune.records import Example, Query
from extune.schema import Schema
from extune.tasks import TASKS

ZH = Query("1", "", '张三说"好"\n', ("人物", '"x"'))
EN = Query("1", "", 'Ann said "hi"', ("PER",))

# PROMPT_VERSION -> what the user turn says. Changed wording: raise PROMPT_VERSION, then write its prompts down here.
GOLDEN = {
    "1": {
        ("NER", "iepile_json", "zh"): (
            '{"instruction": "你是专门进行实体抽取的专家。请从input中抽取出符合schema定义的实体，不存在的实体类型返回空列表。'
            '请按照JSON字符串的格式回答。", "schema": ["人物", "\\"x\\""], "input": "张三说\\"好\\"\\n"}'
        ),
        ("NER", "iepile_json", "en"): (
            '{"instruction": "You are an expert in named entity recognition. Please extract entities that match the '
            "schema definition from the input. Return an empty list if the entity type does not exist. Please respond "
            'in the format of a JSON string.", "schema": ["PER"], "input": "Ann said \\"hi\\""}'
        ),
        ("RE", "iepile_json", "zh"): (
            '{"instruction": "你是专门进行关系抽取的专家。请从input中抽取出符合schema定义的关系三元组，不存在的关系返回空列表。'
            '请按照JSON字符串的格式回答。", "schema": ["人物", "\\"x\\""], "input": "张三说\\"好\\"\\n"}'
        ),
        ("RE", "iepile_json", "en"): (
            '{"instruction": "You are an expert in relationship extraction. Please extract relationship triples that '
            "match the schema definition from the input. Return an empty list for relationships that do not exist. "
            'Please respond in the format of a JSON string.", "schema": ["PER"], "input": "Ann said \\"hi\\""}'
        ),
        ("RE", "triple_lines", "zh"): '请从以下文本中抽取所有的三元组，格式为(主体, 关系, 客体)：\n张三说"好"\n',
        ("RE", "triple_lines", "en"): (
            'Extract all triples from the following text, as (head, relation, tail):\nAnn said "hi"'
        ),
    }
}
LATEST = GOLDEN.get(PROMPT_VERSION, {})


def prompt(task: str, notation: str, **settings: Any) -> Prompt:
    return Prompt(TASKS[task], NOTATIONS[notation], **settings)


def test_the_current_version_is_the_last_one_written_down() -> None:
    assert list(GOLDEN)[-1] == PROMPT_VERSION
    assert len({str(prompts) for prompts in GOLDEN.values()}) == len(GOLDEN)


@pytest.mark.parametrize("key", LATEST, ids="-".join)
def test_the_wording_is_that_of_its_version(key: tuple[str, str, str]) -> None:
    task, notation, language = key
    assert prompt(task, notation).text({"zh": ZH, "en": EN}[language]) == LATEST[key]


def test_every_prompt_there_is_has_been_written_down() -> None:
    pairs = [(t, n) for t in TASKS.values() for n in NOTATIONS.values() if n.fits(t.shape(("x",), Schema()))]
    assert set(LATEST) == {(t.name, n.name, language) for t, n in pairs for language in ("zh", "en")}


@pytest.mark.parametrize(
    ("language", "query", "first"),
    [("auto", ZH, "请"), ("auto", EN, "Extract"), ("en", ZH, "Extract"), ("zh", EN, "请")],
)
def test_the_language_is_the_text_s_own_unless_one_is_named(language: str, query: Query, first: str) -> None:
    assert prompt("RE", "triple_lines", language=language).text(query).startswith(first)


def test_own_wording_takes_the_place_of_the_task_s_language_by_language() -> None:
    own = prompt("RE", "triple_lines", instruction={"zh": "抽取："})
    assert own.text(ZH) == '抽取：\n张三说"好"\n'
    assert own.text(EN) == LATEST["RE", "triple_lines", "en"]


@pytest.mark.parametrize(
    ("system", "turns"),
    [(None, []), ("", [{"role": "system", "content": ""}]), ("Be brief", [{"role": "system", "content": "Be brief"}])],
)
def test_the_system_turn_is_left_out_empty_or_as_given(system: str | None, turns: list[Any]) -> None:
    one = prompt("RE", "triple_lines", system=system)
    assert one.messages(EN) == [*turns, {"role": "user", "content": one.text(EN)}]


def test_a_training_row_is_the_prompt_that_is_served_and_the_answer() -> None:
    one = prompt("RE", "triple_lines")
    row = one.row(Example(EN, "(Ann, r, hi)"))
    assert row == {
        "id": "1",
        "prompt": one.messages(EN),
        "completion": [{"role": "assistant", "content": "(Ann, r, hi)"}],
    }
    assert json.loads(json.dumps(row)) == row


def test_the_grammar_of_a_query_is_that_of_its_labels_and_its_text() -> None:
    task, notation = TASKS["RE"], NOTATIONS["iepile_json"]
    for grounded in (True, False):
        schema = Schema(grounded=grounded)
        expected = notation.grammar(task.shape(EN.labels, schema), EN.text)
        assert prompt("RE", "iepile_json", schema=schema).grammar(EN) == expected


def test_a_notation_that_does_not_fit_the_task_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"'triple_lines' cannot spell answers of task 'NER'\. Set task\.notation"):
        prompt("NER", "triple_lines")
