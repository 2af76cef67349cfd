"""Texts are escaped quickly, and as JSON in JSON escapes them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extune.deepke.lines import nested, quoted, quoted_text


@given(st.text())
@example('"')
@example("\\")
@example("\x00\x1f\x7f\u2028 張三 🏽")
def test_a_text_is_quoted_as_any_string_is(text: str) -> None:
    assert quoted_text(text) == quoted(text) == nested(text)


@pytest.mark.parametrize("text", ["\ud800", 7, None, ["x"]])
def test_what_is_no_text_is_refused_as_in_any_string(text: object) -> None:
    with pytest.raises((TypeError, UnicodeEncodeError)) as expected:
        quoted(text)  # type: ignore[arg-type]
    with pytest.raises(expected.type):
        quoted_text(text)  # type: ignore[arg-type]
