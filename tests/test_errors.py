"""Errors say what, where and what to do in one line, and end the command line with the code of their kind."""

import pytest

from extune import errors
from extune.errors import ExtuneError, ModelError, ours

EXIT_CODES = {
    "ExtuneError": 2,
    "ConfigError": 2,
    "DataError": 2,
    "AnswerError": 2,
    "EnvironmentProblem": 3,
    "ModelError": 3,
    "TrackingError": 3,
    "NoAnswer": 3,
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


def test_an_error_of_a_versions_own_code_is_one_of_ours() -> None:
    theirs = type("ModelError", (Exception,), {"__module__": "extune_0123.errors"})("no base")
    theirs.what, theirs.where, theirs.remedy = "no base", "here", "Fetch it"
    found = ours(theirs)
    assert isinstance(found, ModelError)
    assert (str(found), found.exit_code) == ("here: no base. Fetch it", 3)


@pytest.mark.parametrize("name", ["KeyError", "ModelError", "ours"])
def test_any_other_error_is_none_of_ours(name: str) -> None:
    for module in ("builtins", "extune_0123.errors" if name != "ModelError" else "someone.models"):
        assert ours(type(name, (Exception,), {"__module__": module})("what")) is None
