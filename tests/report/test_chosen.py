"""Which documents a page shows."""

from extune.report import Document, Pair
from extune.report.chosen import ITEMS, MOST, WORST, chosen, trimmed


def document(name: int, mistakes: int = 0, right: int = 0, problem: bool = False) -> Document:
    pairs = [Pair(kind="correct", gold=None, predicted=None)] * right
    pairs += [Pair(kind="missed", gold=None, predicted=None)] * mistakes
    return Document(id=str(name), text="", lang="en", pairs=pairs, problems=["unread"] * problem, raw=[])


def ids(rows: list[Document]) -> list[str]:
    return [row["id"] for row in rows]


def test_few_documents_are_all_shown_most_mistakes_first():
    rows = [document(0), document(1, mistakes=2), document(2, problem=True), document(3)]
    assert ids(chosen(rows)) == ["1", "2", "0", "3"]
    assert chosen([]) == []


def test_of_many_the_worst_are_shown_with_a_sample_that_reaches_to_the_end():
    rows = [document(number, mistakes=number % 2 * (number % 7 + 1)) for number in range(4 * MOST)]
    shown = chosen(rows)
    assert len(shown) == MOST
    assert len(set(ids(shown))) == MOST
    assert [len(row["pairs"]) for row in shown[:100]] == sorted((len(row["pairs"]) for row in rows), reverse=True)[:100]
    right = [int(row["id"]) for row in shown if not row["pairs"]]
    assert len(right) >= (MOST - WORST) // 3
    assert max(right) > 3 * MOST


def test_the_worst_of_each_kind_are_shown_whatever_else_there_is():
    rows = [document(number, mistakes=5) for number in range(4 * MOST)] + [document(-1, mistakes=1)]
    assert "-1" not in ids(chosen(rows))
    assert "-1" in ids(chosen(rows, ["-1"]))
    assert len(chosen(rows, ids(rows))) == MOST


def test_a_document_of_too_many_items_keeps_the_wrong_ones_and_says_how_many_more():
    row = trimmed(document(0, mistakes=5, right=ITEMS))
    assert len(row["pairs"]) == ITEMS
    assert sum(pair["kind"] == "missed" for pair in row["pairs"]) == 5
    assert row["more"] == 5
    assert "more" not in trimmed(document(0, right=ITEMS))
