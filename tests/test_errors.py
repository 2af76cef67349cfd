"""Errors say what, where and what to do in one line, and end the command line with the code of their kind."""

import pytest

from extune import errors
from extune.errors import ExtuneError

EXIT_CODES = {
    "ExtuneError": 2,
    "ConfigError": 2,
    "DataError": 2,
    "AnswerError": 2,
    "EnvironmentProblem": 3,
    "ModelError": 3,
    "TrackingError": 3,
    "CheckFailed": 1,
}


def test_every_error_ends_with_the_exit_code_of_its_kind() -> None:
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert {name: kind.exit_code for name, kind in kinds.items()} == EXIT_CODES
    assert all(issubclass(kind, ExtuneError) for kind in kinds.values())


@pytest.mark.parametrize(
    ("where", "remedy", "line"),
    [
        ("a.jsonl:3", "Mend it", "a.jsonl:3: no text. Mend it"),
        ("a.jsonl:3", "", "a.jsonl:3: no text"),
        ("", "Mend it", "no text. Mend it"),
        ("", "", "no text"),
    ],
)
def test_an_error_reads_place_then_reason_then_remedy(where: str, remedy: str, line: str) -> None:
    assert str(ExtuneError("no text", where=where, remedy=remedy)) == line
