"""Annotations follow a changed text, or the change is refused."""

from dataclasses import replace

from extune.augment import KINDS, variant
from extune.carry import carried
from extune.records import QA, Edge, Entity, Graph, Node, Record, Relation

RECORD = Record(
    "7", "Ann bought the firm. It rained all day in Rome. 皇后的头发很长。", "en",
    entities=(Entity("Ann", "P", 0, 3), Entity("皇后", "P", 48, 50)), relations=(Relation("Ann", "owns", "the firm"),),
)  # fmt: skip


def test_full_width_changes_text_and_annotations_alike() -> None:
    new = variant(RECORD, "full_width", 1, {})
    assert new is not None
    assert new.relations == (Relation("Ａｎｎ", "owns", "ｔｈｅ　ｆｉｒｍ"),)
    assert new.entities[0] == Entity("Ａｎｎ", "P", 0, 3)


def test_a_string_with_two_forms_in_the_other_script_is_refused() -> None:
    record = Record("1", "头发发现了。", "zh", relations=(Relation("发", "R", "现"),))
    assert variant(record, "traditional", 1, {}) is None
    assert variant(replace(record, relations=(Relation("头发", "R", "现"),)), "traditional", 1, {}) is not None


def test_a_question_about_another_document_stays_as_it_is() -> None:
    record = replace(RECORD, qa=QA("Who?", "Ann", "another text about Ann"))
    assert all(variant(record, kind, 1, {}) is None for kind in KINDS)


def test_edges_follow_names_but_ids_stay() -> None:
    graph = Graph((Node("Ann", id="Ann"), Node("the firm")), (Edge("owns", "Ann", "the firm", 0.5, "Ann bought"),))
    new = variant(replace(RECORD, graph=graph), "full_width", 1, {})
    assert new is not None
    assert new.graph == Graph(
        (Node("Ａｎｎ", id="Ann"), Node("ｔｈｅ　ｆｉｒｍ")),
        (Edge("owns", "Ann", "ｔｈｅ　ｆｉｒｍ", 0.5, "Ａｎｎ　ｂｏｕｇｈｔ"),),
    )


def test_annotations_that_a_change_would_make_untrue_are_refused() -> None:
    shifted = "x" + RECORD.text
    assert carried(RECORD, shifted, lambda start, end: (start + 1, end + 1)) is not None
    assert (
        carried(
            replace(RECORD, relations=(Relation("a", "R", "R"),)),
            shifted.replace("rain", "rAin"),
            lambda start, end: (start + 1, end + 1),
        )
        is None
    )
    assert carried(RECORD, shifted + "Ann", lambda start, end: (start + 1, end + 1)) is None
