"""The extractor with a generator that is no model: asking, merging, problems, and the JSON that gives it back."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import AnswerError
from extune.extract import Answer, Extractor, batches, from_json, to_json
from extune.instruct import answer, queries
from extune.notations import NOTATIONS
from extune.prompt import Message, Prompt
from extune.records import QA, Entity, Record, Relation
from extune.schema import Schema
from extune.score import score
from extune.tasks import TASKS, Task

LABELS = ("r", "s", "t")
ROLES = dict.fromkeys(LABELS, ("who", "when"))
SCHEMA = Schema(LABELS, LABELS, ROLES, tuple(("T", label, "U") for label in LABELS), ROLES)

PROMPTS = [Prompt(t, n, SCHEMA) for t in TASKS.values() for n in NOTATIONS.values() if n.fits(t.shape(("x",), SCHEMA))]
every_prompt = pytest.mark.parametrize("prompt", PROMPTS, ids=[f"{p.task.name}-{p.notation.name}" for p in PROMPTS])
NER_JSON = Prompt(TASKS["NER"], NOTATIONS["iepile_json"], SCHEMA)
RE_LINES = Prompt(TASKS["RE"], NOTATIONS["triple_lines"], SCHEMA)

Answers = Callable[[Any, str], st.SearchStrategy[Any]]


@dataclass
class Told:
    """A generator that gives the answers it was told, and keeps what it was asked."""

    answers: Sequence[Answer]
    chats: list[Sequence[Message]] = field(default_factory=list)
    grammars: list[str | None] = field(default_factory=list)

    def __call__(self, chats: Sequence[Sequence[Message]], grammars: Sequence[str | None]) -> list[Answer]:
        self.chats += chats
        self.grammars += grammars
        return list(self.answers)


def told(*texts: str) -> Told:
    return Told([Answer(text) for text in texts])


def drawn(prompt: Prompt, record: Record, answers: Answers, data: st.DataObject) -> Record:
    """The record with items of the task that the notation can spell; a question for the task that needs one."""
    task = prompt.task
    asked = task.ask(replace(record, qa=QA("Who?", "")), SCHEMA)
    shape = task.shape(asked, SCHEMA)
    kept: list[Any] = []
    for item in task.decode(data.draw(answers(shape, record.text)), asked, SCHEMA):
        with suppress(AnswerError):
            prompt.notation.spell(task.encode([*kept, item], asked, SCHEMA), shape, record.text)
            kept.append(item)
    return task.with_items(record, kept)


def knowing(records: Sequence[Record], prompt: Prompt, split_num: int) -> Told:
    """The generator that answers as the records say."""
    asked = [(r, q) for r in records for q in queries(r, prompt.task, SCHEMA, split_num)]
    return told(*(answer(r, q, prompt.task, prompt.notation, prompt.schema) for r, q in asked))


def keys(task: Task, record: Record) -> set[tuple[str, ...]]:
    return set(map(task.key, task.items(record)))


@every_prompt
@settings(max_examples=8)
@given(data=st.data(), split_num=st.sampled_from([-1, 1, 2]))
def test_right_answers_to_split_labels_are_merged_into_the_whole_and_score_full_marks(
    prompt: Prompt, answers: Answers, data: st.DataObject, split_num: int
) -> None:
    task, texts = prompt.task, ("张三 a\nb。", 'He said "(x, y)"! 🏽')
    gold = [drawn(prompt, Record(str(n), text), answers, data) for n, text in enumerate(texts)]
    extractor = Extractor(knowing(gold, prompt, split_num), prompt, split_num)

    found = extractor(gold)

    assert [e.record.id for e in found] == ["0", "1"]
    assert all(keys(task, e.record) == keys(task, g) for e, g in zip(found, gold, strict=True))
    assert all(not e.problems for e in found)
    total = score(((g, e.record) for g, e in zip(gold, found, strict=True)), task).total
    assert total.exact_match == 1
    assert total.f1 == (1 if total.gold else 0)


@every_prompt
@settings(max_examples=8)
@given(data=st.data())
def test_the_json_of_an_extraction_says_where_things_stand_and_gives_it_back(
    prompt: Prompt, answers: Answers, data: st.DataObject
) -> None:
    task, text = prompt.task, "张三 a\nb。a b! 🏽 x"
    gold = drawn(prompt, Record("7", text), answers, data)
    (found,) = Extractor(knowing([gold], prompt, 2), prompt, 2, model="m/1")([gold])

    row = to_json(found)

    assert json.loads(json.dumps(row)) == row
    assert to_json(from_json(row, text)) == row
    assert keys(task, from_json(row, text).record) == keys(task, gold)
    sections = ("entities", "relations", "events", "answers", "graph")
    assert [name for name in sections if row.get(name)] in ([], [task.section])
    assert {"entities", "relations", "events"} <= set(row)
    for end in located(row[task.section]):
        assert not end["text"] or text[end["start"] : end["end"]] == end["text"]
        assert all(text[start:stop] == end["text"] for start, stop in end["mentions"])
    for item in row[task.section]:
        if isinstance(item.get("evidence"), list):
            ends = (item["head"], item["tail"])
            assert all(item["evidence"][0] <= end["start"] and end["end"] <= item["evidence"][1] for end in ends)


def located(row: Any) -> list[Any]:
    """Every object with offsets in a JSON value."""
    inner = row.values() if isinstance(row, dict) else row if isinstance(row, list) else ()
    return [*([row] if isinstance(row, dict) and "mentions" in row else []), *(x for v in inner for x in located(v))]


def test_a_record_without_a_question_is_not_asked_any() -> None:
    generator = told()
    (found,) = Extractor(generator, Prompt(TASKS["QA"], NOTATIONS["plain_text"], SCHEMA))([Record("1", "Ann")])
    assert generator.chats == []
    assert to_json(found)["answer"] is None


def test_what_two_parts_both_find_is_one_item() -> None:
    generator = told('{"r": ["a", "a"]}', '{"r": ["b", "a"]}')
    schema = Schema(entities=("r", "r"))
    (found,) = Extractor(generator, replace(NER_JSON, schema=schema), split_num=1)([Record("1", "a b")])
    assert found.record.entities == (Entity("a", "r"), Entity("b", "r"))
    assert found.raw == ('{"r": ["a", "a"]}', '{"r": ["b", "a"]}')


@every_prompt
def test_each_query_is_asked_with_its_prompt_and_its_grammar(prompt: Prompt) -> None:
    records = [Record("1", "Ann", qa=QA("Who?", "")), Record("2", "张三", qa=QA("谁？", ""))]
    asked = [q for r in records for q in queries(r, prompt.task, SCHEMA, 2)]
    for constrained in (True, False):
        generator = told(*[""] * len(asked))
        Extractor(generator, prompt, 2, constrained)(iter(records))

        assert generator.chats == [prompt.messages(query) for query in asked]
        assert generator.grammars == [prompt.grammar(query) if constrained else None for query in asked]


def test_a_schema_that_is_not_grounded_leaves_spans_free() -> None:
    generator = told("")
    Extractor(generator, replace(RE_LINES, schema=Schema(relations=("r",), grounded=False))).extract("Ann")
    assert "substring_chunks" not in str(generator.grammars[0])


def test_gold_items_of_a_record_do_not_leak_into_what_was_found() -> None:
    gold = Record("1", "a b", "en", (Entity("a", "r"),), (Relation("a", "r", "b"),))
    (found,) = Extractor(told("(b, s, a)"), RE_LINES)([gold])
    assert found.record == Record("1", "a b", "en", relations=(Relation("b", "s", "a"),))


@pytest.mark.parametrize(
    ("given_answer", "kept", "problem"),
    [
        (Answer("(a, r, b)\n(c, r"), {"b"}, "unread: line 2 is not a triple"),
        (Answer("(a, x, b)"), set(), "unread: answer has the key 'x'"),
        (Answer("Sorry?"), set(), "unread: line 1"),
        (Answer("(a, r, b)\n(c, r", "length"), {"b"}, "truncated: "),
        (Answer("(a, r, b)\n(c, r, 4）", "length"), {"b"}, "truncated: "),
        (Answer("(a, r, b)\n(a, r, b)\n", "repetition"), {"b"}, "repetition: "),
        (Answer("", "too long"), set(), "too long: "),
    ],
)
def test_an_answer_that_is_not_whole_is_a_problem_and_no_exception(
    given_answer: Answer, kept: set[str], problem: str
) -> None:
    good = Record("2", "x y")
    first, second = Extractor(Told([given_answer, Answer("(x, r, y)")]), RE_LINES)([Record("1", "a b"), good])

    assert {relation.tail for relation in first.record.relations} == kept
    assert len(first.problems) == 1
    assert first.problems[0].startswith(problem)
    assert first.raw == (given_answer.text,)
    assert (second.problems, len(second.record.relations)) == ((), 1)


def test_no_records_ask_for_nothing() -> None:
    generator = told("never asked for")
    assert Extractor(generator, RE_LINES)([]) == []
    assert generator.chats == []


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (4, [4]), (9, [4, 4, 1])])
def test_records_come_in_batches(count: int, sizes: list[int]) -> None:
    records = [Record(str(n), "x") for n in range(count)]
    parts = list(batches(iter(records), 4))
    assert [len(part) for part in parts] == sizes
    assert [record for part in parts for record in part] == records
