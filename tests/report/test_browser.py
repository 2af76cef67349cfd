"""The report page in a browser: it draws the documents, filters them, and runs nothing of theirs."""

import html
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extune.report import Report, page

pytestmark = [pytest.mark.browser, pytest.mark.integration]
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=500", "--enable-logging=stderr")


@pytest.fixture
def browse(tmp_path: Path, chromium: str) -> Callable[..., str]:
    """Open a page, from disk, and give what the browser prints; nothing may be logged to its console."""

    def opened(source: str, *flags: str) -> str:
        path = tmp_path / "report.html"
        path.write_text(source, encoding="utf-8")
        command = [chromium, *FLAGS, f"--user-data-dir={tmp_path}/profile", *flags, path.as_uri()]
        run = subprocess.run(command, capture_output=True, check=True, timeout=60)
        log = run.stderr.decode(errors="replace")
        assert "CONSOLE" not in log, log
        return run.stdout.decode()

    return opened


def listed(shown: str) -> str:
    return shown[shown.index('<ol id="list"') : shown.index("</ol>")]


def test_the_documents_are_listed_and_nothing_of_theirs_runs(source: str, browse: Callable[..., str]):
    shown = browse(source, "--dump-dom")
    assert "Documents 1 to 4 of 4" in shown
    assert "All 4 documents of the split, most mistakes first." in shown
    marked = r'<span class="gold correct h\d+" data-items="1"><span class="predicted h\d+"><span>(.*?)</span>'
    assert {"张三", "清华大学"} <= set(re.findall(marked, shown))
    assert 'lang="zh"' in shown
    assert ">0.93<" in shown
    assert ">U+202E<" in shown
    assert "<img" not in shown
    assert "&lt;script&gt;alert" in listed(shown)
    assert "<script" not in listed(shown)


def noted(browse: Callable[..., str], source: str, script: str) -> list[Any]:
    """What the script pushes to `notes`, done by a hand that the page's own policy would not let in."""
    without = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)
    hand = f"<script>const notes = []; {script}; document.title = JSON.stringify(notes);</script>"
    shown = browse(without.replace("</body>", f"{hand}</body>"), "--dump-dom")
    return json.loads(html.unescape(re.search("<title>(.*?)</title>", shown)[1]))


def test_a_kind_a_label_or_a_worst_document_filters_the_list(report: Report, browse: Callable[..., str]):
    dev = report["splits"]["dev"]
    twin = {**next(row for row in dev["documents"] if row["id"] == "en"), "id": "twin"}
    splits = {**report["splits"], "dev": {**dev, "documents": [*dev["documents"], twin]}}
    script = """
        const note = () => notes.push([...document.querySelectorAll("#list h3 bdi")].map((id) => id.textContent.slice(0, 2)));
        const click = (what) => { document.querySelector(what).click(); note(); };
        const set = (id, value, event) => {
            const control = document.getElementById(id);
            control.value = value;
            control.dispatchEvent(new Event(event));
            note();
        };
        click('#mistakes [data-kind=missed]:not([data-document])');
        click('[data-filter=all]');
        set("label", [...document.querySelectorAll("#label option")].find((one) => one.text === "毕业于").value, "change");
        set("label", "", "change");
        set("query", "NOTHING here", "input");
        click('#mistakes [data-document=en][data-split=dev]');
        click('[data-filter=missed]');
        click('[data-filter=problems]');
        set("split", "test", "change");
    """
    assert noted(browse, page({**report, "splits": splits}), script) == [
        ["en"], ["en", "id", "zh", "no"], ["zh"], ["en", "id", "zh", "no"], ["no"], ["en"], ["en", "tw"], [], ["id"],
    ]  # fmt: skip


def test_every_form_of_item_is_drawn(report_of: Callable[..., Report], browse: Callable[..., str]):
    tasks = ("EE", "QA", "KG", "GRAPH")
    script = """
        const split = document.getElementById("split");
        for (const { value } of [...split.options]) {
            split.value = value;
            split.dispatchEvent(new Event("change"));
            notes.push(document.getElementById("list").innerHTML);
        }
    """
    event, answer, attribute, graph = noted(browse, page(report_of(*tasks)), script)
    assert all('<table class="pairs">' in drawn for drawn in (event, answer, attribute, graph))
    assert ">whom<" in event
    assert 'class="question"' in answer
    assert "also accepted: Roe" in answer
    assert 'class="label-name differs">seat<' in attribute
    assert graph.index(">Nodes<") < graph.index(">Edges<")
    assert "a person" in graph
    # both ends of the edge that was exchanged, on both sides
    assert graph.count('class="part differs"') == 4


def test_the_page_is_painted_in_the_colours_of_either_scheme(source: str, browse: Callable[..., str], tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    for scheme, ground in (("light", (245, 246, 248)), ("dark", (20, 23, 28))):
        picture = tmp_path / f"{scheme}.png"
        themed = source.replace('<html lang="en">', f'<html lang="en" data-theme="{scheme}">')
        browse(themed, f"--screenshot={picture}", "--window-size=800,1000")
        painted = image.open(picture).convert("RGB")
        assert painted.size == (800, 1000)
        assert painted.getpixel((5, 5)) == ground
        counted = painted.getcolors(1 << 24)
        assert len(counted) > 200
        # text, cards and marks, not an empty ground
        assert max(number for number, _ in counted) < 0.9 * 800 * 1000
