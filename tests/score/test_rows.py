"""The short way to the rows of two sides that are the same, against the one that compares them."""

from hypothesis import given
from hypothesis import strategies as st

from extune.score.rows import count_rows, hit_rows, total_row

words = st.sampled_from(["a", "b", "c", "d"])
keys = st.tuples(st.sampled_from(["A", "B"]), words, words)


@given(st.dictionaries(keys, st.sampled_from(["A", "B", "C"])), st.sets(words))
def test_rows_of_one_side_are_those_of_a_side_held_against_itself(names, absent):
    def spans(key):
        return key[1:]

    rows = hit_rows(names, spans, absent)
    assert rows == count_rows(names, names, {key: key for key in names}, spans, absent)
    assert total_row(rows.values(), len(names))[:3] == (len(names),) * 3
