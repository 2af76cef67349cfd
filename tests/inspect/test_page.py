"""The page and the tables: safe with hostile data, self-contained, equal bytes, both languages whole."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import extune
from extune.inspect import inspect_splits, render, table, tokens_table
from extune.inspect.table import shown
from extune.inspect.words import CHINESE
from extune.records import Entity, Record, Rejected, Relation
from extune.schema import Schema

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b[31m\ud83d"


def figures():
    text = f"Ann met {HOSTILE}"
    bad = Record(
        "1",
        text,
        HOSTILE,
        (Entity("Ann", HOSTILE), Entity("Ann", "PER")),
        (Relation("Zed", HOSTILE, "Ann"),),
        where=HOSTILE,
    )
    splits = {"train": [bad, bad, Rejected("f:1", HOSTILE)], f"test {HOSTILE}": [bad, Record("2", "none", "en")]}
    return inspect_splits(splits, schema=Schema(entities=("PER",)), window=lambda r: len(r.text), max_length=20)


class Tree(HTMLParser):
    """Elements with their attributes; fails where one is not closed in turn."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def source() -> str:
    return render(figures())


def test_hostile_data_adds_no_element_and_the_page_is_utf8(source: str):
    tree = Tree(source)
    names = [name for name, _ in tree.elements]
    assert names.count("script") == names.count("style") == 1
    assert "img" not in names
    assert not [key for _, attributes in tree.elements for key in attributes if key.startswith("on") or key == "style"]
    assert "\u202e" not in source
    assert "\x1b" not in source
    assert source.encode()


def test_nothing_is_loaded_and_the_policy_allows_only_the_pages_own(source: str):
    assert not re.search(r"https?:|url\(|@import", source)
    assert "default-src &#x27;none&#x27;; style-src &#x27;sha256-" in source
    assert source.index("Content-Security-Policy") < source.index("<style>")


def test_every_heading_is_in_both_languages(source: str):
    english = re.findall(r'<span lang="en" class="say">(.*?)</span>', source)
    chinese = re.findall(r'<span lang="zh" class="say">(.*?)</span>', source)
    assert len(english) == len(chinese) > 40
    assert all(CHINESE[words] == translated for words, translated in zip(english, chinese, strict=True))
    heads = re.findall(r'<th scope="col">(.*?)</th>', source)
    plain = [head for head in heads if "say" not in head]
    assert set(plain) <= {f"<bdi>{number}</bdi>" for number in (50, 90, 95, 99, 100)}


def test_an_empty_inspection_has_a_page_and_a_table():
    nothing = inspect_splits({"data": []}, schema=None, window=None, max_length=1)
    assert "Nothing to report." in render(nothing)
    assert table(nothing).startswith(" ")


@pytest.mark.integration
def test_page_and_table_are_equal_bytes_in_another_process(source: str):
    code = "import sys, test_page as t; f = t.figures(); sys.stdout.buffer.write((t.render(f) + t.table(f)).encode())"
    path = os.pathsep.join([str(Path(extune.__file__).parents[1]), str(Path(__file__).parent)])
    env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "12345"}
    again = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
    assert again == (source + table(figures())).encode()


def test_the_table_tells_the_figures_and_nothing_in_it_steers_a_terminal():
    text = table(figures())
    assert re.search(r"^records +2 +2$", text, re.M)
    assert re.search(r"^relations not in the text +2 of 2 +1 of 1$", text, re.M)
    assert "train: labels not in the schema, entities: " in text
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    assert text.encode()


def test_chinese_counts_two_columns():
    splits = {"训练集": [Record("1", "a", "zh")], "b": [Record("1", "a", "zh")]}
    head, records, *_ = table(inspect_splits(splits, schema=None, window=None, max_length=1)).splitlines()
    assert head.index("b") + 3 == records.rindex("1")


def test_long_strings_are_cut_and_steering_characters_named():
    assert shown("a\u200bb\nc") == "aU+200BbU+000Ac"
    assert shown("x" * 100) == "x" * 59 + "…"


def test_each_token_is_a_line_that_says_whether_the_loss_counts_it():
    words = {1: "<s>", 22: "你", 3: "\n"}
    assert tokens_table([1, 22, 3], [-100, 22, 3], words.__getitem__) == (
        "0   1     -  '<s>'\n1  22  loss  '你'\n2   3  loss  '\\n'\n3 tokens, 2 counted by the loss, the first at 1\n"
    )


def test_a_row_without_loss_or_tokens_is_told_and_labels_of_other_tokens_are_refused():
    assert tokens_table([], [], str) == "0 tokens, 0 counted by the loss\n"
    assert tokens_table([7], [-100], str).endswith("1 tokens, 0 counted by the loss\n")
    with pytest.raises(ValueError, match="token 0 is 7, its label 8"):
        tokens_table([7], [8], str)


@pytest.mark.browser
@pytest.mark.integration
def test_a_browser_shows_one_language_and_logs_no_violation(source: str, tmp_path: Path, chromium: str):
    (tmp_path / "page.html").write_text(source, encoding="utf-8")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom")
    command = [chromium, *flags, f"--user-data-dir={tmp_path}/profile", (tmp_path / "page.html").as_uri()]
    run = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert "CONSOLE" not in run.stderr.decode(errors="replace")
    assert '<html lang="en" data-lang="en">' in run.stdout.decode()
