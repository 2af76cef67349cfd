"""Questions about a document, by hand: found, not in the document, not asked."""

from extune.ground import locate
from extune.records import QA, Record
from extune.schema import Schema
from extune.tasks import TASKS

TASK = TASKS["QA"]
WHO = "谁？"
RECORD = Record("1", "张三来了", qa=QA(WHO, "张三", "张三来了", ("张三", "三")))


def test_a_record_is_asked_its_own_question() -> None:
    assert TASK.labels(Schema()) == ()
    assert TASK.ask(RECORD, Schema()) == (WHO,)
    assert TASK.ask(Record("2", "x"), Schema()) == ()
    assert TASK.question((WHO,), Schema()) == [WHO]


def test_the_document_may_not_say() -> None:
    silent = QA(WHO, "")
    assert TASK.encode((silent,), (WHO,), Schema()) == {WHO: []}
    assert TASK.decode({WHO: []}, (WHO,), Schema()) == (silent,)
    assert TASK.decode({}, (WHO,), Schema()) == ()
    assert (TASK.label(silent), TASK.spans(silent)) == ("unanswerable", ())
    assert (TASK.label(RECORD.qa), TASK.spans(RECORD.qa)) == ("answerable", ("张三",))


def test_an_answer_keeps_what_the_record_knows_of_its_question() -> None:
    (found,) = TASK.decode({WHO: ["三"]}, (WHO,), Schema())
    assert TASK.with_items(RECORD, (found,)).qa == QA(WHO, "三", "张三来了", ("张三", "三"))
    assert TASK.with_items(Record("1", "x"), (found,)).qa == found
    assert TASK.with_items(RECORD, (QA("何时？", "x"),)).qa == QA("何时？", "x")


def test_no_answer_is_not_the_answer_that_there_is_none() -> None:
    assert TASK.with_items(RECORD, ()).qa is None


def test_an_empty_answer_stands_nowhere() -> None:
    row = TASK.to_json(QA(WHO, ""), lambda span: locate(RECORD.text, span))
    assert row == {"question": WHO, "text": "", "start": None, "end": None, "mentions": []}
