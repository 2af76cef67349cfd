"""Pieces of Lark, run by llguidance: what they match, and nothing else."""

import itertools
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from extune.grammar import Rules, choice, literal, repeated, selected, substring
from extune.notations.triple_syntax import escape

BYTES = LLTokenizer("byte")
NASTY = st.text(st.sampled_from('"\\/,()[]{}|&%$\n\t\r\x01é中🏽\u200b~') | st.characters(codec="utf-8"), max_size=8)


def matches(grammar: str, answer: str) -> bool:
    matcher = LLMatcher(BYTES, grammar)
    assert not matcher.is_error(), matcher.get_error()
    ids = list(answer.encode())
    return matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()


def test_llguidance_does_not_bring_torch_with_it() -> None:
    code = "import llguidance, sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@given(NASTY, NASTY)
def test_a_literal_matches_its_text_alone(text: str, other: str) -> None:
    grammar = f"start: {literal(text)}\n"
    assert matches(grammar, text)
    assert matches(grammar, other) == (text == other)


@given(text=NASTY, span=NASTY, data=st.data())
def test_a_span_is_any_part_of_the_text_but_nothing(text: str, span: str, data: st.DataObject) -> None:
    grammar = "start: SPAN\n" + substring(text, lambda char: char)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))

    assert matches(grammar, text[start:end]) == (start < end)
    assert matches(grammar, span) == (span != "" and span in text)


@pytest.mark.parametrize("span", ["\\", "(", ")", "n", "b\\", ",c"])
def test_a_span_neither_begins_nor_ends_within_an_escape(span: str) -> None:
    grammar = "start: SPAN\n" + substring("a\n(b\\,c)", escape)
    assert matches(grammar, escape("\n(b\\,"))
    assert not matches(grammar, span)


@pytest.mark.parametrize("limit", [1, 2, 128])
def test_items_may_be_repeated_up_to_the_limit(limit: int) -> None:
    grammar = f"start: {repeated(literal('x'), literal(', '), limit)}\n"
    allowed = [number for number in range(limit + 2) if matches(grammar, ", ".join("x" * number))]
    assert allowed == list(range(limit + 1))
    assert not matches(grammar, "x, ")
    assert not matches(grammar, "xx")


def test_a_choice_is_one_of_its_options() -> None:
    grammar = f"start: {choice(map(literal, ('位于', 'in')))}\n"
    assert [answer for answer in ("位于", "in", "", "位于in", "i") if matches(grammar, answer)] == ["位于", "in"]


@settings(max_examples=12)
@given(st.lists(st.booleans(), max_size=4))
def test_parts_stand_in_their_order_and_the_optional_ones_may_be_left_out(optional: list[bool]) -> None:
    names = "abcd"[: len(optional)]
    rules = Rules()
    body = selected([(literal(n), o) for n, o in zip(names, optional, strict=True)], literal(","), rules)
    grammar = f'start: "<" {body} ">"\n{rules.text()}'
    needed = {name for name, may_lack in zip(names, optional, strict=True) if not may_lack}

    for size in range(len(names) + 1):
        for some in itertools.combinations(names, size):
            assert matches(grammar, f"<{','.join(some)}>") == (needed <= set(some))
            assert size < 2 or not matches(grammar, f"<{','.join(reversed(some))}>")
    assert not matches(grammar, f"<{','.join(names)},>")


def test_equal_rules_share_a_name() -> None:
    rules = Rules()
    assert [rules.add('"a"'), rules.add('"b"'), rules.add('"a"')] == ["r0", "r1", "r0"]
    assert rules.text() == 'r0: "a"\nr1: "b"\n'
