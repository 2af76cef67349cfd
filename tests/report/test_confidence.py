"""The plots of confidence: every bin has its mark, and the words say what the drawing shows."""

from xml.etree import ElementTree

from extune.report import Confidence
from extune.report.confidence import confidence_plots

SHOWN: Confidence = {
    "split": "test",
    "method": "temperature",
    "fitted_on": 162,
    "ece": 0.25,
    "ece_calibrated": 0.125,
    "before": [{"confidence": 0.9, "accuracy": 0.5, "items": 10}],
    "after": [{"confidence": 0.6, "accuracy": 0.5, "items": 10}, {"confidence": 1.0, "accuracy": 1.0, "items": 4}],
    "thresholds": [
        {"threshold": 0.0, "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "items": 14},
        {"threshold": 0.7, "precision": 1.0, "recall": 0.8, "f1": 0.888, "items": 4},
        {"threshold": 1.0, "precision": 1.0, "recall": 0.0, "f1": 0.0, "items": 0},
    ],
}


def drawn() -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{confidence_plots(SHOWN)}</div>")


def test_every_bin_has_its_mark_and_every_figure_its_curve() -> None:
    tree = drawn()
    assert len(tree.findall(".//circle[@class='dot']")) == 2
    assert len(tree.findall(".//path[@class='baseline']")) == 1
    curves = tree.findall(".//polyline[@class='curve']")
    assert [len(curve.attrib["points"].split()) for curve in curves] == [3, 3, 3]
    assert len({curve.attrib.get("stroke-dasharray") for curve in curves}) == 3


def test_what_is_sure_and_right_stands_at_the_top_right() -> None:
    low, high = drawn().findall(".//circle[@class='dot']")
    assert float(low.attrib["cx"]) < float(high.attrib["cx"])
    assert float(low.attrib["cy"]) > float(high.attrib["cy"])


def test_the_words_name_the_method_the_errors_and_the_best_threshold() -> None:
    words = " ".join(drawn().itertext())
    assert "temperature, fitted on 162 items of dev" in words
    assert "25.0 % as generated, 12.5 % calibrated" in words
    assert "best F1 88.8 from 70.0 % up" in words
    assert "50.0 % right at 60.0 %, 10 items" in words
