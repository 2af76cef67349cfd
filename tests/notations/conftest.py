"""What the notations' own tests share: llguidance run over a grammar, byte by byte."""

import random
from collections.abc import Callable
from itertools import compress, count

import pytest
from llguidance import LLMatcher, LLTokenizer

Accepts = Callable[[str, str], bool]
Written = Callable[[str, int], str]

BYTES = LLTokenizer("byte")


@pytest.fixture(scope="session")
def accepts() -> Accepts:
    """Whether a grammar lets a model write an answer, and end there."""

    def run(grammar: str, answer: str) -> bool:
        matcher = LLMatcher(BYTES, grammar)
        assert not matcher.is_error(), matcher.get_error()
        ids = list(answer.encode())
        return matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()

    return run


@pytest.fixture(scope="session")
def written() -> Written:
    """An answer that a model knowing nothing writes under a grammar; past 60 bytes it ends as soon as it may."""

    def run(grammar: str, seed: int) -> str:
        rng, matcher, ids = random.Random(seed), LLMatcher(BYTES, grammar), list[int]()
        while not matcher.is_stopped():
            allowed = list(compress(count(), matcher.compute_logit_bias()))
            ends = BYTES.eos_token in allowed and (len(ids) > 60 or rng.random() < 0.1)
            ids.append(BYTES.eos_token if ends else rng.choice(allowed))
            assert matcher.consume_token(ids[-1]), matcher.get_error()
        return bytes(token for token in ids if token != BYTES.eos_token).decode()

    return run
