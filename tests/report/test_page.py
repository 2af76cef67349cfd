"""The report page: whole, safe with hostile data, equal bytes each time, readable in both colour schemes."""

import base64
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import extune.report
from extune.extract import Extraction
from extune.records import Entity, Record, Relation
from extune.report import Report, document_row, page
from extune.report.page import hues
from extune.score import count_problems, score, summary
from extune.tasks import TASKS

NER, RE = TASKS["NER"], TASKS["RE"]
HOSTILE = '</script ><script>alert("1")</script><!-- \u202e & \ud83d <img src=x onerror=alert(2)>'


def records() -> list[Record]:
    """Chinese, English, hostile and empty."""
    return [
        Record("zh", "😀张三毕业于清华大学。", "zh", relations=(Relation("张三", "毕业于", "清华大学"),)),
        Record("en", "Ann met Bob and Zoe.", "en", relations=(Relation("Ann", "met", "Bob"),)),
        Record(f"id {HOSTILE}", f"Eve {HOSTILE}", "en", relations=(Relation("Eve", HOSTILE, HOSTILE),)),
        Record("none", "Nothing here.", "en"),
    ]


def extractions() -> list[Extraction]:
    """Right, wrong, hostile with a problem, right because empty."""
    zh, en, hostile, none = records()
    wrong = replace(en, relations=(Relation("Ann", "met", "Zoe"), Relation("Ann", "met", "Zed")))
    return [
        Extraction(zh, "RE", confidence={("张三", "毕业于", "清华大学"): 0.93}),
        Extraction(wrong, "RE"),
        Extraction(hostile, "RE", raw=(HOSTILE,), problems=(f"unread: {HOSTILE}",)),
        Extraction(none, "RE"),
    ]


def report() -> Report:
    rows, found = records(), extractions()
    figures = summary(
        score([(r, e.record) for r, e in zip(rows, found, strict=True)], RE),
        count_problems([e.problems for e in found]),
        50,
        1,
    )
    baseline = summary(score([(r, replace(r, relations=())) for r in rows], RE), {}, 50, 1)
    documents = [document_row(r, e, RE) for r, e in zip(rows, found, strict=True)]
    return Report(
        model="demo/7",
        task="RE",
        base=f"base {HOSTILE}",
        splits={
            "dev": {"metrics": figures, "documents": documents[:2]},
            "test": {"metrics": figures, "baseline": baseline, "documents": documents},
        },
        loss=[{"step": 1, "loss": 2.5}, {"step": 2, "loss": None}, {"step": 3, "loss": 1.25}],
        stages=[{"stage": "train", "seconds": 90.5}],
        facts={"Data": "0f3a", "Note": HOSTILE},
    )


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
def source() -> str:
    return page(report())


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
    assert len(tree.all("h2")) == len(tree.all("section")) == 4
    assert len(tree.all("caption")) == len(tree.all("table"))
    assert all(cell.get("scope") in ("row", "col") for cell in tree.all("th"))
    assert len(tree.all("label")) == len(tree.all("select")) + len(tree.all("input"))
    drawings = [svg for svg in tree.all("svg") if svg.get("aria-hidden") != "true"]
    assert len(drawings) == len(tree.all("figure")) == 3
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in drawings)


def test_the_figures_of_every_split_and_of_the_baseline_stand_in_the_page(source: str):
    # 2 of 3 gold items are among 4 predicted: F1 = 2 * 2 / (4 + 3)
    assert report()["splits"]["test"]["metrics"]["f1"] == 4 / 7
    assert source.count("<bdi>test</bdi></th><td>57.1</td>") == 1
    assert source.count("<bdi>dev</bdi></th><td>57.1</td>") == 1
    assert source.count("<bdi>test, baseline</bdi></th><td>0.0</td>") == 1
    assert "+57.1 over the baseline" in source
    assert "Training loss from 2.5 at step 1 to 1.25 at step 3; 1 steps without" in source


def test_hostile_data_adds_no_element_and_reaches_the_script_unchanged(source: str, tree: Tree):
    kinds = [attributes.get("type") for attributes in tree.all("script")]
    assert kinds == ["application/json", None]
    assert not tree.all("img")
    assert not [name for _, attributes in tree.elements for name in attributes if name.startswith("on")]
    row = embedded(source)["splits"]["test"][2]
    assert row["text"] == f"Eve {HOSTILE}"
    assert row["problems"] == [f"unread: {HOSTILE}"]
    assert row["raw"] == [HOSTILE]
    assert HOSTILE.replace("\ud83d", "\ufffd") in tree.text("bdi")


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


def test_equal_reports_give_equal_bytes_in_another_process(source: str):
    code = "import sys, test_page; sys.stdout.buffer.write(test_page.page(test_page.report()).encode())"
    package = Path(extune.report.__file__).parents[2]
    path = os.pathsep.join([str(package), str(Path(__file__).parent)])
    env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "12345"}
    again = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
    assert again == source.encode()


def test_a_report_needs_neither_loss_nor_stages_nor_baseline():
    full = report()
    least = Report(model="m", task="RE", base="b", splits={"dev": full["splits"]["dev"]})
    assert "No training loss was recorded" in page(least)
    assert "over the baseline" not in page(least)


def test_items_are_correct_missed_or_spurious():
    _, en, *_ = records()
    row = document_row(en, extractions()[1], RE)
    assert [(item["text"], item["status"]) for item in row["gold"]] == [("Ann — met → Bob", "missed")]
    assert [(item["text"], item["status"]) for item in row["predicted"]] == [
        ("Ann — met → Zoe", "spurious"),
        ("Ann — met → Zed", "spurious"),
    ]
    assert row["predicted"][1]["spans"][1] == {"text": "Zed", "start": None, "end": None}


def test_a_correct_item_carries_its_confidence():
    zh, *_ = records()
    row = document_row(zh, extractions()[0], RE)
    assert row["predicted"][0]["confidence"] == 0.93
    assert row["predicted"][0]["mentions"] == [[1, 3], [6, 10]]
    assert row["raw"] == []


def test_offsets_are_code_points_also_after_a_character_outside_the_basic_plane():
    gold = Record("d", "😀 Ann", entities=(Entity("Ann", "PER"),))
    row = document_row(gold, Extraction(gold, "NER"), NER)
    assert row["gold"][0]["spans"] == [{"text": "Ann", "start": 2, "end": 5}]


def test_mentions_of_one_entity_are_one_item_marked_wherever_the_gold_says():
    text = "Rome is old; Rome is large"
    gold = Record("d", text, entities=(Entity("Rome", "LOC", 13, 17), Entity("Rome", "LOC", 0, 4)))
    found = replace(gold, entities=(Entity("Rome", "LOC"), Entity("Rome", "ORG", 1, 5)))
    row = document_row(gold, Extraction(found, "NER"), NER)
    assert [item["mentions"] for item in row["gold"]] == [[[0, 4], [13, 17]]]
    # offsets that do not hold are not believed
    assert [item["mentions"] for item in row["predicted"]] == [[[0, 4]], [[0, 4]]]


def test_labels_get_different_colours_as_long_as_there_are_some():
    numbers = hues(report())
    assert list(numbers.values()) == list(range(len(numbers)))
    assert set(numbers) == {"毕业于", "met", HOSTILE}


def luminance(channels: list[float]) -> float:
    """WCAG 2 relative luminance of linear sRGB."""
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


def of_hex(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return luminance([p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts])


def of_oklch(lightness: float, chroma: float, hue: float) -> float:
    """Björn Ottosson's OKLab to linear sRGB, clipped to the gamut."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = [
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    ]
    return luminance([min(max(channel, 0), 1) for channel in channels])


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def colours(scheme: int) -> Iterator[tuple[str, float, float, float]]:
    """(what, its luminance, that of its ground, the ratio WCAG AA asks for); scheme is 0 light, 1 dark."""
    css = Path(extune.report.__file__).with_name("page.css").read_text(encoding="utf-8")
    plain = {name: of_hex((a, b)[scheme]) for name, a, b in re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", css)}
    for ground in ("ground", "card"):
        for name in ("ink", "muted", "accent", "correct", "missed", "spurious"):
            yield f"{name} on {ground}", plain[name], plain[ground], 4.5
    pair = r"light-dark\(oklch\(([\d.]+) ([\d.]+) var\(--hue\)\), oklch\(([\d.]+) ([\d.]+) var\(--hue\)\)\)"
    by_hue = {
        name: tuple(map(float, values[2 * scheme : 2 * scheme + 2]))
        for name, *values in re.findall(rf"(--strong|--tint|\bcolor): {pair}", css)
    }
    for hue in map(float, re.findall(r"--hue: (\d+)", css)):
        yield f"ink on tint {hue}", plain["ink"], of_oklch(*by_hue["--tint"], hue), 4.5
        yield f"mark {hue} on card", of_oklch(*by_hue["color"], hue), plain["card"], 4.5
        yield f"line {hue} on card", of_oklch(*by_hue["--strong"], hue), plain["card"], 3


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(scheme: int):
    checked = list(colours(scheme))
    assert len(checked) == 2 * 6 + 12 * 3
    poor = [(what, contrast(one, other)) for what, one, other, least in checked if contrast(one, other) < least]
    assert poor == []


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.mark.browser
def test_a_browser_lists_the_documents_and_runs_nothing_of_theirs(source: str, tmp_path: Path):
    browser = chromium()
    if browser is None:
        pytest.skip("no chromium or google-chrome on PATH")
    path = tmp_path / "report.html"
    path.write_text(source, encoding="utf-8")
    flags = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=3000",
        "--enable-logging=stderr",
    )
    command = [browser, *flags, f"--user-data-dir={tmp_path}/profile", "--dump-dom", path.as_uri()]
    run = subprocess.run(command, capture_output=True, check=True, timeout=60)
    shown, log = run.stdout.decode(), run.stderr.decode(errors="replace")
    assert "CONSOLE" not in log, log
    assert "Documents 1 to 4 of 4" in shown
    assert 'lang="zh"' in shown
    marked = r'<span class="gold correct h\d+" data-items="1"><span class="predicted h\d+"><span>(.*?)</span>'
    assert re.findall(marked, shown)[:2] == ["张三", "清华大学"]
    assert ">0.93<" in shown
    assert ">U+202E<" in shown
    assert "<img" not in shown
    body = shown[shown.index('<ol id="list"') : shown.index("</ol>")]
    assert "&lt;script&gt;alert" in body
    assert "<script" not in body
