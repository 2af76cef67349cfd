"""The report page: whole, safe with hostile data, the same bytes each time, complete for every task."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

import extune.report
from extune.extract import Extraction
from extune.records import Record
from extune.report import Report, Split, document_row, page
from extune.report.page import hues
from extune.score import VIEWS, score, summary
from extune.tasks import TASKS


class Tree(HTMLParser):
    """Elements in order with their attributes, the text in each, and whether every one was closed in turn."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> str:
        return "".join(text for name, text in self.texts if name == tag)


@pytest.fixture(scope="module")
def tree(source: str) -> Tree:
    return Tree(source)


def embedded(source: str) -> dict:
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', source, re.S)[1]
    # html.parser forgives `</script ` and `<!--` where browsers do not.
    assert "<" not in block
    return json.loads(block)


def test_every_element_is_closed_and_every_id_is_its_own(tree: Tree):
    assert tree.open == []
    ids = [attributes["id"] for _, attributes in tree.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_has_one_title_a_heading_for_each_section_and_named_controls(tree: Tree):
    assert tree.text("title").startswith("demo/7 · RE")
    assert len(tree.all("h1")) == 1
    assert len(tree.all("h2")) == len(tree.all("section")) == 6
    assert len(tree.all("caption")) == len(tree.all("table"))
    assert all(cell.get("scope") in ("row", "col") for cell in tree.all("th"))
    assert len(tree.all("label")) == len(tree.all("select")) + len(tree.all("input"))
    drawings = [svg for svg in tree.all("svg") if svg.get("aria-hidden") != "true"]
    assert len(drawings) == len(tree.all("figure")) == 3
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in drawings)


def test_the_figures_of_every_split_and_of_the_baseline_stand_in_the_page(source: str, report: Report):
    # 2 of 3 gold items are among 4 predicted: F1 = 2 * 2 / (4 + 3); macro F1 of 1, 0 and 1
    assert report["splits"]["test"]["metrics"]["f1"] == 4 / 7
    assert re.search(r"<bdi>test</bdi></th><td>57.1</td><td>[^<]*</td><td>66.7</td>", source)
    assert source.count("<bdi>dev</bdi></th><td>40.0</td>") == 1
    assert source.count("<bdi>test, baseline</bdi></th><td>0.0</td>") == 1
    assert "+57.1 over the baseline" in source
    assert "Training loss from 2.5 at step 1 to 1.25 at step 3; 1 steps without" in source


def test_hostile_data_adds_no_element_and_reaches_the_script_unchanged(source: str, tree: Tree, hostile: str):
    kinds = [attributes.get("type") for attributes in tree.all("script")]
    assert kinds == ["application/json", None]
    assert not tree.all("img")
    assert not [name for _, attributes in tree.elements for name in attributes if name.startswith("on")]
    row = next(row for row in embedded(source)["splits"]["test"] if row["id"].startswith("id"))
    assert row["text"] == f"Eve {hostile}"
    assert row["problems"] == [f"unread: {hostile}"]
    assert row["raw"] == [hostile]
    assert hostile.replace("\ud83d", "\ufffd") in tree.text("bdi")


def test_the_page_can_be_written_as_utf8_whatever_the_texts_hold(source: str):
    assert source.encode("utf-8").decode("utf-8") == source


def test_nothing_is_loaded_from_anywhere(source: str, tree: Tree):
    assert "http:" not in source
    assert "https:" not in source
    assert not re.search(r"url\(|@import", tree.text("style"))
    assert all(link["href"].startswith("#") for link in tree.all("a"))
    assert not [a for _, a in tree.elements if {"src", "srcset", "action", "style"} & set(a)]


def test_the_policy_allows_exactly_this_style_and_this_script(source: str):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', source)[1].replace("&#x27;", "'")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))

    def allowed(tag: str) -> str:
        code = re.search(rf"<{tag}>(.*?)</{tag}>", source, re.S)[1]
        return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == allowed("script")
    assert rules["style-src"] == allowed("style")
    assert source.index("Content-Security-Policy") < source.index("<style>") < source.index("<script")


def test_equal_reports_give_equal_bytes_in_another_process(source: str, report: Report, tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    code = "import json, sys; from extune.report import page; print(page(json.load(open(sys.argv[1]))), end='')"
    package = Path(extune.report.__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(package), "PYTHONHASHSEED": "12345", "PYTHONIOENCODING": "utf-8"}
    again = subprocess.run([sys.executable, "-c", code, str(path)], env=env, capture_output=True, check=True).stdout
    assert again == source.encode()


def test_a_report_needs_neither_loss_nor_stages_nor_baseline_nor_rows(report: Report):
    metrics = {"f1": 0.5, "f1_low": 0.4, "f1_high": 0.6}
    least = page(Report(model="m", task="RE", base="b", splits={"dev": Split(metrics=metrics, documents=[])}))
    assert "No training loss was recorded" in least
    assert "over the baseline" not in least
    assert "No mistake was made." in least
    assert Tree(least).open == []


@pytest.mark.parametrize("name", TASKS)
def test_nothing_found_in_nothing_still_makes_a_page(name: str):
    task, empty = TASKS[name], Record("d", "")
    for rows in ([], [empty]):
        split = Split(
            metrics=summary(score([(row, row) for row in rows], task), {}, 10, 1),
            documents=[document_row(row, Extraction(row, name), task) for row in rows],
        )
        assert Tree(page(Report(model="m", task=name, base="b", splits={"test": split}))).open == []


@pytest.mark.parametrize("name", TASKS)
def test_the_page_of_every_task_has_its_ways_of_counting_its_groups_and_its_mistakes(
    name: str, report_of: Callable[..., Report]
):
    report = report_of(name)
    metrics = report["splits"][name]["metrics"]
    whole = page(report)
    tree = Tree(whole)
    captions = tree.text("caption")
    assert tree.open == []
    counted = re.search(r"Ways of counting on.*?</table>", whole, re.S)
    heads = re.findall('<th scope="row">(.*?)</th>', counted[0]) if counted else []
    assert heads == (["Strict", *map(words, VIEWS[name])] if VIEWS[name] else [])
    assert ("Answers to questions" in captions) == (name == "QA")
    for group in (*(f"{group}, {name}" for group in GROUPS), "Answers as such"):
        assert group in captions
    kinds = [button["data-kind"] for button in tree.all("button") if "data-kind" in button]
    assert set(kinds) == {row["kind"] for row in metrics["mistakes"]}
    # one button a kind, and one a worst document of it
    assert len(kinds) == len(set(kinds)) + len(metrics["worst"])


GROUPS = ("Source", "Language", "Length", "In training data")


def words(view: str) -> str:
    return view.replace("_", ", ", 1).capitalize()


def test_the_worst_mistakes_are_spelled_out(report: Report, source: str):
    worst = source[source.index("Worst documents: missed") : source.index("Worst documents: invented")]
    assert "<bdi>Ann</bdi>, <bdi>Bob</bdi>" in worst
    assert 'data-document="en"' in worst
    assert 'data-split="test"' in worst


def test_the_page_says_how_many_of_many_documents_it_shows(report: Report):
    row = report["splits"]["dev"]["documents"][0]
    many = [{**row, "id": str(number)} for number in range(1000)]
    split = {**report["splits"]["dev"], "documents": many}
    shown = embedded(page({**report, "splits": {"dev": split}}))
    assert len(shown["splits"]["dev"]) == 300
    assert shown["shown"]["dev"].startswith("300 of the 1,000 documents")


def test_confidence_has_its_section_where_there_is_some(report: Report):
    rows = [{"confidence": 0.9, "accuracy": 0.5, "items": 10}]
    above = [{"threshold": 0.0, "precision": 0.5, "recall": 1.0, "f1": 0.6, "items": 10}]
    sure = {"split": "test", "method": "isotonic", "fitted_on": 9, "ece": 0.4, "ece_calibrated": 0.1}
    whole = page({**report, "confidence": {**sure, "before": rows, "after": rows, "thresholds": above}})
    assert "Confidence on test" in whole
    assert "Confidence on" not in page({**report, "confidence": None})


def test_labels_get_different_colours_as_long_as_there_are_some(report: Report, hostile: str):
    numbers = hues(report)
    assert list(numbers.values()) == list(range(len(numbers)))
    assert set(numbers) == {"毕业于", "met", hostile}
