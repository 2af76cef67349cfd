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
        ("NER", "entity_lines", "zh"): (
            '请从文本中抽取下列类型的实体，每行一个，写作“实体_类型”；没有实体时回答“没有”。\n人物, "x"\n张三说"好"\n'
        ),
        ("NER", "entity_lines", "en"): (
            "Extract the entities of the types below from the text, one mention_type a line; answer 没有 if there are "
            'none.\nPER\nAnn said "hi"'
        ),
        ("NER", "tags", "zh"): ('请原样重写文本，把其中下列类型的实体写作<类型>实体</类型>。\n人物, "x"\n张三说"好"\n'),
        ("NER", "tags", "en"): (
            "Write the text again word for word, with each entity of the types below as "
            '<type>entity</type>.\nPER\nAnn said "hi"'
        ),
        ("SPO", "iepile_json", "zh"): (
            '{"instruction": "你是专门进行关系抽取的专家。请从input中抽取出符合schema定义的关系三元组，不存在的关系返回空列表。'
            '请按照JSON字符串的格式回答。", "schema": [{"subject_type": "", "predicate": "人物", "object_type": '
            '""}, {"subject_type": "", "predicate": "\\"x\\"", "object_type": ""}], "input": '
            '"张三说\\"好\\"\\n"}'
        ),
        ("SPO", "iepile_json", "en"): (
            '{"instruction": "You are an expert in relationship extraction. Please extract relationship triples that '
            "match the schema definition from the input. Return an empty list for relationships that do not exist. "
            'Please respond in the format of a JSON string.", "schema": [{"subject_type": "", "predicate": "PER", '
            '"object_type": ""}], "input": "Ann said \\"hi\\""}'
        ),
        ("EE", "iepile_json", "zh"): (
            '{"instruction": "你是专门进行事件提取的专家。请从input中抽取出符合schema定义的事件，不存在的事件返回空列表，不存在的论元返回NAN，'
            '如果论元存在多值请返回列表。请按照JSON字符串的格式回答。", "schema": [{"event_type": "人物", "trigger": true, '
            '"arguments": []}, {"event_type": "\\"x\\"", "trigger": true, "arguments": []}], '
            '"input": "张三说\\"好\\"\\n"}'
        ),
        ("EE", "iepile_json", "en"): (
            '{"instruction": "You are an expert in event extraction. Please extract events from the input that '
            "conform to the schema definition. Return an empty list for events that do not exist, and return NAN for "
            "arguments that do not exist. If an argument has multiple values, please return a list. Respond in the "
            'format of a JSON string.", "schema": [{"event_type": "PER", "trigger": true, "arguments": []}], '
            '"input": "Ann said \\"hi\\""}'
        ),
        ("EET", "iepile_json", "zh"): (
            '{"instruction": "你是专门进行事件提取的专家。请从input中抽取出符合schema定义的事件类型及事件触发词，不存在的事件返回空列表。'
            '请按照JSON字符串的格式回答。", "schema": ["人物", "\\"x\\""], "input": "张三说\\"好\\"\\n"}'
        ),
        ("EET", "iepile_json", "en"): (
            '{"instruction": "You are an expert in event extraction. Please extract event types and event trigger '
            "words from the input that conform to the schema definition. Return an empty list for non-existent "
            'events. Please respond in the format of a JSON string.", "schema": ["PER"], "input": "Ann said '
            '\\"hi\\""}'
        ),
        ("EET", "entity_lines", "zh"): (
            '请从文本中抽取下列类型事件的触发词，每行一个，写作“触发词_类型”；没有事件时回答“没有”。\n人物, "x"\n张三说"好"\n'
        ),
        ("EET", "entity_lines", "en"): (
            "Extract the triggers of events of the types below from the text, one trigger_type a line; answer 没有 if "
            'there are none.\nPER\nAnn said "hi"'
        ),
        ("EET", "tags", "zh"): (
            '请原样重写文本，把其中下列类型事件的触发词写作<类型>触发词</类型>。\n人物, "x"\n张三说"好"\n'
        ),
        ("EET", "tags", "en"): (
            "Write the text again word for word, with each trigger of an event of the types below as "
            '<type>trigger</type>.\nPER\nAnn said "hi"'
        ),
        ("EEA", "iepile_json", "zh"): (
            '{"instruction": "你是专门进行事件论元提取的专家。请从input中抽取出符合schema定义的事件论元及论元角色，不存在的论元返回NAN或空字典，'
            '如果论元存在多值请返回列表。请按照JSON字符串的格式回答。", "schema": [{"event_type": "人物", "arguments": []}, '
            '{"event_type": "\\"x\\"", "arguments": []}], "input": "张三说\\"好\\"\\n"}'
        ),
        ("EEA", "iepile_json", "en"): (
            '{"instruction": "You are an expert in event argument extraction. Please extract event arguments and '
            "their roles from the input that conform to the schema definition, which already includes event trigger "
            "words. If an argument does not exist, return NAN or an empty dictionary. Please respond in the format "
            'of a JSON string.", "schema": [{"event_type": "PER", "arguments": []}], "input": "Ann said \\"hi\\""}'
        ),
        ("KG", "iepile_json", "zh"): (
            '{"instruction": "你是一个图谱实体知识结构化专家。根据输入实体类型(entity type)的schema描述，从文本中抽取出相应的实体实例和其属性信息，'
            '不存在的属性不输出, 属性存在多值就返回列表，并输出为可解析的json格式。", "schema": [{"entity_type": "人物", '
            '"attributes": []}, {"entity_type": "\\"x\\"", "attributes": []}], "input": '
            '"张三说\\"好\\"\\n"}'
        ),
        ("KG", "iepile_json", "en"): (
            '{"instruction": "You are an expert in structured knowledge systems for graph entities. Based on the '
            "schema description of the input entity type, you extract the corresponding entity instances and their "
            "attribute information from the text. Attributes that do not exist should not be output. If an attribute "
            "has multiple values, a list should be returned. The results should be output in a parsable JSON "
            'format.", "schema": [{"entity_type": "PER", "attributes": []}], "input": "Ann said \\"hi\\""}'
        ),
        ("QA", "iepile_json", "zh"): (
            '{"instruction": "请根据input中的文档回答schema中的问题，答案必须是文档中的原文；文档没有给出答案时返回NAN。请按照JSON字符串的格式回答。'
            '", "schema": ["人物", "\\"x\\""], "input": "张三说\\"好\\"\\n"}'
        ),
        ("QA", "iepile_json", "en"): (
            '{"instruction": "Answer the question in the schema from the document in the input, in the document\'s '
            'own words. Return NAN if the document does not say. Respond in the format of a JSON string.", "schema": '
            '["PER"], "input": "Ann said \\"hi\\""}'
        ),
        ("QA", "plain_text", "zh"): (
            '请根据下面的文档回答问题，只用文档中的原文作答；文档没有给出答案时，回答“没有”。\n\n张三说"好"\n\n\n人物\n\n"x"'
        ),
        ("QA", "plain_text", "en"): (
            "Answer the question from the document below, in the document's own words; if it does not say, answer: "
            'none.\n\nAnn said "hi"\n\nPER'
        ),
        ("GRAPH", "iepile_json", "zh"): (
            '{"instruction": "请从文本中抽取知识图谱：entities列出实体（labels为类型，id为编号，name为原文中的名称，description可选），'
            'relationships列出关系（type为类型，source和target为实体编号，confidence和evidence可选）。请用JSON回答。", '
            '"schema": {"entities": [], "relationships": []}, "input": "张三说\\"好\\"\\n"}'
        ),
        ("GRAPH", "iepile_json", "en"): (
            '{"instruction": "Extract the knowledge graph of the text: under entities each entity with its labels, '
            "id, name as written and, if useful, a description; under relationships each relationship with its type, "
            'the ids of its source and target and, if useful, confidence and evidence. Answer in JSON.", "schema": '
            '{"entities": [], "relationships": []}, "input": "Ann said \\"hi\\""}'
        ),
        ("GRAPH", "graph_json", "zh"): (
            "请从文本中抽取知识图谱：entities列出实体（labels为类型，id为编号，name为原文中的名称，description可选），"
            'relationships列出关系（type为类型，source和target为实体编号，confidence和evidence可选）。请用JSON回答。\n张三说"好"'
            "\n"
        ),
        ("GRAPH", "graph_json", "en"): (
            "Extract the knowledge graph of the text: under entities each entity with its labels, id, name as "
            "written and, if useful, a description; under relationships each relationship with its type, the ids of "
            'its source and target and, if useful, confidence and evidence. Answer in JSON.\nAnn said "hi"'
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


SHOWN = {"id": "0", "text": "Ann met Bo", "relations": [{"head": "Ann", "relation": "met", "tail": "Bo"}]}
TRIPLE = '{"met": [{"head": "Ann", "tail": "Bo"}], "left": []}'


def test_solved_examples_stand_before_the_input_with_the_answer_to_what_is_asked() -> None:
    one = prompt("RE", "iepile_json", schema=Schema(examples=(SHOWN, {"id": "1", "text": "x"})))
    for language, text, hint in (("en", "x", "refer to the examples"), ("zh", "张三", "。你可以参考example进行抽取。")):
        said = json.loads(one.text(Query("1", "", text, ("met", "left"))))
        nothing = '{"met": [], "left": []}'
        assert list(said) == ["instruction", "schema", "example", "input"]
        assert said["example"] == [{"input": "Ann met Bo", "output": TRIPLE}, {"input": "x", "output": nothing}]
        assert hint in said["instruction"]
        assert said["instruction"].startswith(TASKS["RE"].instructions["iepile_json"][language])


def test_other_notations_show_examples_as_text() -> None:
    one = prompt("RE", "triple_lines", schema=Schema(examples=(SHOWN,)))
    wording = TASKS["RE"].instructions["triple_lines"]["en"]
    assert one.text(Query("1", "", "x", ("met",))) == f"{wording}\nAnn met Bo\n(Ann, met, Bo)\n\nx"


def test_an_example_of_question_answering_shows_its_own_question() -> None:
    shown = {"id": "0", "text": "Bo left.", "qa": {"question": "Who?", "answer": "Bo"}}
    query = Query("1", "", "Ann came.", ("Why?",))
    schema = Schema(examples=(shown,))

    said = json.loads(prompt("QA", "iepile_json", schema=schema).text(query))
    assert said["example"] == [{"input": "Bo left.", "output": '{"Who?": "Bo"}'}]
    assert "Bo left.\nWho?\nBo\n\nAnn came." in prompt("QA", "plain_text", schema=schema).text(query)


def test_dict_schemas_carry_descriptions() -> None:
    schema = Schema(entities=("PER",), events={"met": ("who",)}, descriptions={"PER": "people", "met": "a meeting"})
    asked = {
        task: json.loads(prompt(task, "iepile_json", schema=schema).text(Query("1", "", "x", labels)))["schema"]
        for task, labels in (("NER", ("PER", "ORG")), ("EE", ("met",)))
    }
    assert asked["NER"] == {"PER": "people", "ORG": ""}
    assert asked["EE"] == [
        {"event_type": "met", "trigger": True, "arguments": ["who"], "description": "a meeting"},
    ]


def test_a_notation_that_does_not_fit_the_task_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"'triple_lines' cannot spell answers of task 'NER'\. Set task\.notation"):
        prompt("NER", "triple_lines")
