"""The gate says everything that is wrong, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.gate import Decision, Figures, decide
from extune.sections import Gate

METRICS = {"test.f1": 0.8, "test.invented_spans": 0.0, "test.documents_per_second": 12.0}


def figures(name: str, right: int = 80, *, of: int = 100, **changes: Any) -> Figures:
    """`right` of `of` documents with their one item right, the others with a wrong one."""
    documents = {str(number): (int(number < right), 1, 1) for number in range(of)}
    labels = {"PER": (right, of, of), "RARE": (3, 3, 3)}
    return replace(Figures(f"demo/{name}", "md5", METRICS, documents, labels), **changes)


def judged(candidate: Figures, champion: Figures | None = None, **gate: Any) -> Decision:
    return decide(candidate, champion, Gate(**gate))


def test_the_first_version_has_only_floors_to_pass() -> None:
    decision = judged(figures("1"), floors={"test.f1": 0.5})
    assert decision == Decision(True, (), decision.checks)
    assert [check.name for check in decision.checks] == ["floor", "invented"]


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ({"floors": {"test.f1": 0.9}}, "test.f1 is 0.8, the floor is 0.9"),
        ({"floors": {"test.exact": 0.9}}, "test.exact was not measured; the floor is 0.9"),
        ({"min_speed": 20}, "test.documents_per_second is 12, the floor is 20"),
        ({"split": "dev"}, "dev.invented_spans was not measured"),
    ],
)
def test_a_figure_below_its_floor_is_a_reason(gate: dict[str, Any], reason: str) -> None:
    assert judged(figures("1"), **gate).reasons == (reason,)


def test_a_floor_is_passed_by_equality_and_not_by_nan() -> None:
    assert judged(figures("1"), floors={"test.f1": 0.8}).passed
    assert not judged(figures("1", metrics={**METRICS, "test.f1": float("nan")}), floors={"test.f1": 0.0}).passed


def test_one_invented_span_is_one_too_many() -> None:
    inventing = figures("1", metrics={**METRICS, "test.invented_spans": 1.0})
    assert judged(inventing).reasons == ("test.invented_spans is 1, at most 0 may be",)
    assert judged(inventing, max_invented=1).passed
    assert judged(inventing, max_invented=None).passed


def test_a_significantly_worse_version_is_refused() -> None:
    (reason,) = judged(figures("2", 60), figures("1", 80)).reasons
    assert reason.startswith("demo/2 is significantly worse than demo/1: F1 -0.2000, p = ")


def test_a_slightly_worse_version_passes_unless_it_has_to_be_better() -> None:
    assert judged(figures("2", 79), figures("1", 80)).passed
    (reason,) = judged(figures("2", 79), figures("1", 80), better=True).reasons
    assert reason.startswith("demo/2 is not significantly worse than demo/1")
    assert reason.endswith("; it has to be significantly better")
    (reason,) = judged(figures("2", 81), figures("1", 80), better=True).reasons
    assert "not significantly better" in reason
    assert judged(figures("2", 95), figures("1", 60), better=True).passed


def test_a_stricter_level_lets_less_through_as_a_loss() -> None:
    both = figures("2", 74), figures("1", 80)
    assert not judged(*both, level=0.05).passed
    assert judged(*both, level=0.01).passed


def test_no_label_may_fall_by_more_than_allowed() -> None:
    before, after = figures("1"), figures("2", labels={"PER": (69, 100, 100), "RARE": (0, 0, 3)})
    assert judged(after, before, max_label_drop=0.1, min_support=20).reasons == (
        "label 'PER' fell from F1 0.800 to 0.690, by more than 0.1",
    )
    assert len(judged(after, before, max_label_drop=0.1, min_support=3).reasons) == 2
    assert judged(after, before, max_label_drop=0.11).passed
    assert judged(after, before).passed, "no limit, no check"
    assert len(judged(figures("2", labels={}), before, max_label_drop=0.1).reasons) == 1, "a label may be gone"


def test_another_version_of_the_data_is_refused_without_further_comparison() -> None:
    decision = judged(figures("2", 10, data="other"), figures("1"))
    assert decision.reasons == (
        "demo/2 was measured on another test split (md5 other) than demo/1 (md5 md5)",
    )  # fmt: skip
    assert "significance" not in {check.name for check in decision.checks}


def test_other_documents_of_the_same_file_are_refused() -> None:
    assert judged(figures("2", 50, of=50), figures("1")).reasons == (
        "50 of 50 test documents are also demo/1's 100",
    )  # fmt: skip
    assert not judged(figures("2", documents={}), figures("1", documents={})).passed


def test_all_reasons_are_given_at_once() -> None:
    bad = figures("2", 20, metrics={**METRICS, "test.f1": 0.2, "test.invented_spans": 4.0}, labels={})
    gate = {"floors": {"test.f1": 0.5}, "min_speed": 50, "max_label_drop": 0.1}
    assert len(judged(bad, figures("1"), **gate).reasons) == 5


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_passing_decision_has_no_reasons_and_a_refusal_some(ours: int, theirs: int) -> None:
    decision = judged(figures("2", ours, of=30), figures("1", theirs, of=30), better=True)
    assert decision.passed is not bool(decision.reasons)
    assert decision.passed <= (ours > theirs)
