"""Answers to questions: cases by hand after CMRC 2018, and the fast run and subsequence against slow ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.records import QA, Record
from extune.score import Answered, Score, score, summary
from extune.score.answers import answered, longest_run, longest_subsequence, tokens
from extune.tasks import TASKS

DOCUMENT = "《红楼梦》的作者是曹雪芹，他生于1715年的江宁。Ann Lee lives in New York."


def ask(answer: str, *accepted: str) -> Answered:
    gold = Record("d", DOCUMENT, qa=QA("谁？", accepted[0], answers=accepted))
    row = answered(gold, Record("d", DOCUMENT, qa=QA("谁？", answer)))
    assert row is not None
    return row


def test_a_token_is_a_chinese_character_or_a_word_of_another_script():
    assert tokens("《红楼梦》1715年，Ann's New-York!") == ["红", "楼", "梦", "1715", "年", "anns", "newyork"]
    assert tokens(" ，。 ") == []


def test_punctuation_and_case_do_not_count():
    assert ask("红楼梦", "《红楼梦》") == Answered(1, 1, 1, 1, 1)
    assert ask("NEW YORK.", "New York") == Answered(1, 1, 1, 1, 0)


def test_f1_is_that_of_the_longest_run_and_rouge_of_the_longest_subsequence():
    row = ask("曹生雪芹", "曹雪芹")  # run 雪芹, subsequence 曹雪芹
    assert row.f1 == pytest.approx(2 * 2 / (4 + 3))
    assert row.rouge_l == pytest.approx(2 * 3 / (4 + 3))
    assert (row.exact, row.supported) == (0, 0)


def test_the_best_of_the_accepted_answers_counts():
    assert ask("曹雪芹", "作者", "曹雪芹先生", "曹雪芹").exact == 1
    assert ask("曹雪芹", "作者", "曹雪芹先生").f1 == pytest.approx(2 * 3 / (3 + 5))


def test_words_count_in_english():
    assert ask("lives in New York", "in New York").f1 == pytest.approx(2 * 3 / (4 + 3))


def test_no_answer_is_right_where_the_document_does_not_say_and_only_there():
    assert ask("", "") == Answered(1, 1, 1, 0, 0)
    assert ask("曹雪芹", "") == Answered(0, 0, 0, 1, 1)
    assert ask("", "曹雪芹") == Answered(0, 0, 0, 0, 0)


def test_an_unanswered_question_is_not_the_answer_that_there_is_none():
    assert answered(Record("d", DOCUMENT, qa=QA("谁？", "")), Record("d", DOCUMENT)) == Answered(0, 0, 0, 0, 0)
    assert answered(Record("d", DOCUMENT), Record("d", DOCUMENT)) is None


def test_support_is_looked_for_in_the_document_of_the_question():
    gold = Record("d", "prompt", qa=QA("谁？", "曹雪芹", document=DOCUMENT))
    assert answered(gold, Record("d", "prompt", qa=QA("谁？", "曹雪芹"))).supported == 1
    assert answered(gold, Record("d", "prompt", qa=QA("谁？", "prompt"))).supported == 0


def test_the_summary_has_the_means():
    gold = Record("d", DOCUMENT, qa=QA("谁？", "曹雪芹"))
    pairs = [(gold, Record("d", DOCUMENT, qa=QA("谁？", answer))) for answer in ("曹雪芹", "张三", "")]
    row = summary(score(pairs, TASKS["QA"]), {}, 10, 0)
    assert row["answer_exact_match"] == row["answer_f1"] == row["answer_rouge_l"] == 1 / 3
    assert row["answer_supported_rate"] == 1 / 2
    assert "answer_f1" not in summary(Score(), {}, 10, 0)


words = st.lists(st.sampled_from("abc"), max_size=9)


@given(words, words)
def test_the_longest_run_is_the_longest_of_all_runs(left, right):
    runs = {tuple(left[i:j]) for i in range(len(left)) for j in range(i + 1, len(left) + 1)}
    common = [len(run) for run in runs for k in range(len(right)) if tuple(right[k : k + len(run)]) == run]
    assert longest_run(left, right) == max(common, default=0)


@given(words, words)
def test_the_longest_subsequence_is_that_of_the_table(left, right):
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left, 1):
        for j, b in enumerate(right, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if a == b else max(table[i - 1][j], table[i][j - 1])
    assert longest_subsequence(left, right) == table[-1][-1]


def test_long_answers_are_compared_in_time():
    left, right = [str(i) for i in range(8000)], [str(i) for i in range(0, 16000, 2)]
    assert longest_subsequence(left, right) == 4000
    assert longest_run(left, left[4000:]) == 4000
