"""Generation held to a grammar, with a model that knows nothing: whatever comes out is still valid."""

from pathlib import Path
from typing import Any

import pytest

from extune.extract import Extractor, to_json
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.records import Record
from extune.schema import Schema
from extune.tasks import TASKS

pytestmark = pytest.mark.integration

TEXTS = [
    "张三毕业于“清华\\大学”(北京), 现在腾讯。",
    'Ann Lee, of "Acme" (UK), founded\tBolt & Co.',
    "x",
    "😀 naïve\nline two",
]


@pytest.fixture(scope="module")
def generator(tiny_base: Path) -> Any:
    from extune.decode import LocalGenerator
    from extune.model import Base, load_encoder, load_for_answers

    base = Base(str(tiny_base), {})
    return LocalGenerator(load_for_answers(base, None), load_encoder(base), max_new_tokens=60, batch_size=3)


@pytest.mark.parametrize(("task", "notation"), [("NER", "iepile_json"), ("RE", "iepile_json"), ("RE", "triple_lines")])
def test_a_random_model_extracts_only_what_the_schema_and_the_text_allow(
    generator: Any, task: str, notation: str
) -> None:
    schema = Schema(entities=("人物", "ORG"), relations=("毕业于", "a, b"))
    extractor = Extractor(generator, Prompt(TASKS[task], NOTATIONS[notation], schema, ""))
    for extraction in extractor(Record(str(n), text) for n, text in enumerate(TEXTS)):
        assert not any(p.startswith("unread") for p in extraction.problems), extraction
        row = to_json(extraction)
        for entity in row["entities"]:
            assert entity["type"] in schema.entities
            assert extraction.record.text[entity["start"] : entity["end"]] == entity["text"]
        for relation in row["relations"]:
            assert relation["relation"] in schema.relations
            assert relation["evidence"]


def test_answers_do_not_depend_on_the_batch_they_are_made_in(generator: Any) -> None:
    from dataclasses import replace

    prompt = Prompt(TASKS["RE"], NOTATIONS["triple_lines"], Schema(relations=("r",)), "")
    together = Extractor(generator, prompt)
    alone = replace(together, generate=replace(generator, batch_size=1))
    records = [Record(str(n), text) for n, text in enumerate(TEXTS)]
    assert [e.raw for e in together(records)] == [e.raw for e in alone(records)]


def test_an_answer_that_does_not_end_is_cut_and_said_to_be(generator: Any) -> None:
    from dataclasses import replace

    short = replace(generator, max_new_tokens=3)
    extractor = Extractor(short, Prompt(TASKS["NER"], NOTATIONS["iepile_json"], Schema(entities=("人物",)), ""))
    assert extractor.extract(TEXTS[0]).problems[0].startswith("truncated")


def test_a_text_longer_than_the_window_is_said_to_be_and_the_others_are_answered(generator: Any) -> None:
    extractor = Extractor(generator, Prompt(TASKS["NER"], NOTATIONS["iepile_json"], Schema(entities=("人物",)), ""))
    long, short = extractor([Record("0", "长" * 3000), Record("1", "短")])
    assert long.problems[0].startswith("too long")
    assert short.raw != ("",)


def test_repetition_is_a_block_four_times_over() -> None:
    from extune.decode import repeats

    assert repeats([9, *[1, 2, 3, 4, 5, 6, 7, 8] * 4])
    assert repeats([7] * 32)
    assert not repeats([7] * 31)
    assert not repeats(list(range(200)))
    assert not repeats([1, 2, 3, 4, 5, 6, 7, 8] * 3 + [1, 2, 3, 4, 5, 6, 7, 9])


@pytest.mark.parametrize(("task", "notation"), [("NER", "iepile_json"), ("RE", "triple_lines"), ("NER", "tags")])
def test_confidences_are_chances_and_the_same_again(generator: Any, task: str, notation: str) -> None:
    schema = Schema(entities=("人物", "ORG"), relations=("毕业于", "a, b"))
    extractor = Extractor(generator, Prompt(TASKS[task], NOTATIONS[notation], schema, ""))
    records = [Record(str(n), text) for n, text in enumerate(TEXTS)]
    found = extractor(records)
    assert any(one.confidence for one in found)
    for one in found:
        assert set(one.confidence) == set(map(TASKS[task].key, TASKS[task].items(one.record)))
        assert all(0 < value <= 1 for value in one.confidence.values())
    assert [one.confidence for one in extractor(records)] == [one.confidence for one in found]


@pytest.mark.parametrize("constrained", [True, False])
def test_tokens_say_where_they_end_also_inside_characters(generator: Any, constrained: bool) -> None:
    prompt = Prompt(TASKS["NER"], NOTATIONS["tags"], Schema(entities=("人物",)), "")
    extractor = Extractor(generator, prompt, constrained=constrained)
    answers = extractor._answers([query for text in TEXTS for query in asked(text, prompt)])
    for answer in answers:
        ends = [end for end, _ in answer.tokens]
        assert ends == sorted(ends)
        assert ends[-1] == len(answer.text) or not constrained
        assert all(score <= 0 for _, score in answer.tokens)


def asked(text: str, prompt: Prompt) -> list[Any]:
    from extune.instruct import queries

    return queries(Record("0", text), prompt.task, prompt.schema, -1)


def test_a_token_that_the_grammar_forces_is_certain_and_does_not_count(generator: Any) -> None:
    said = '{"人物": ["张三"]}'
    forced = generator([[{"role": "user", "content": "x"}]], [f"start: {json_string(said)}"])[0]
    assert forced.text == said
    # Of a byte-level vocabulary one token spells each byte, so every one of them is forced.
    assert len(forced.tokens) == len(said.encode()) + 1
    assert {score for _, score in forced.tokens} == {0.0}
    ends = [end for end, _ in forced.tokens]
    assert ends[:6] == [1, 2, 2, 2, 3, 3]
    (free,) = generator([[{"role": "user", "content": "x"}]], ['start: "a" /[xyz]/'])
    first, second, end = free.tokens
    assert first == (1, 0.0)
    assert second[0] == 2
    assert second[1] < 0
    assert end == (2, 0.0)


def json_string(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
