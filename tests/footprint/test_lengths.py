"""What is told of the rows' lengths before training."""

from dataclasses import dataclass

from extune.footprint import lengths_report


@dataclass
class Row:
    id: str
    input_ids: list[int]
    labels: list[int]


def row(name: str, length: int, answer: int) -> Row:
    return Row(name, [1] * length, [-100] * (length - answer) + [1] * answer)


def test_the_report_counts_rows_tokens_answers_and_padding() -> None:
    report = lengths_report([row("a", 10, 4), row("b", 20, 6), row("c", 30, 5)], 100, batch=2)
    assert (report.rows, report.tokens, report.padded, report.longest) == (3, 60, 70, 30)
    assert report.answer_share == 15 / 60
    assert (report.at(0), report.at(0.5), report.at(0.95)) == (10, 20, 30)
    assert report.common in (10 / 60, 20 / 60), "of two that make a batch, all of the shorter"


def test_rows_over_the_window_are_named_and_not_counted_as_tokens() -> None:
    report = lengths_report([row(f"r{n}", 10 + n, 2) for n in range(8)], 11)
    assert report.over == tuple(f"r{n}" for n in range(2, 8))
    assert report.tokens == 21
    assert report.line() == (
        "8 rows, 21 tokens (21 if padded), median 11, 95 % 11, longest 17, answers 19 %, "
        "0 % common to rows of a step, 6 over the window of 11: r2, r3, r4, r5, r6, ..."
    )


def test_no_rows_are_reported_and_no_error() -> None:
    report = lengths_report([], 10)
    assert (report.rows, report.tokens, report.at(0.5), report.answer_share) == (0, 0, 0, 0.0)
    assert "0 rows" in report.line()
