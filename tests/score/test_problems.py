"""Problems of answers by kind."""

from extune.score import count_problems


def test_problems_are_counted_by_document_and_kind():
    notes = [["unread: x", "unread: y"], ["truncated: z", "repetition"], [], ["too long: 9"], ["odd"]]
    assert count_problems(notes) == {"unread": 1, "truncated": 1, "repetition": 1, "too_long": 1, "other": 1}
