"""A comparison: its figures, what it says and shows, and the command."""

import json
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from extune.cli import main
from extune.compare import compare, lines, over_seeds, page, read
from extune.tasks import task

Rows = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]
NER = task("NER")


@pytest.fixture
def two(rows: Rows, write: Write) -> tuple[Path, Path]:
    """Sixty documents: the first system has every second one right, the second all but six that the first has."""
    first = write("first.jsonl", rows(60, lambda n: n % 2 == 0))
    return first, write("second.jsonl", rows(60, lambda n: n % 10 != 0))


@pytest.fixture
def comparison(two: tuple[Path, Path]) -> dict[str, Any]:
    return compare([read(path, path.stem, NER) for path in two], NER, resamples=500)


def test_the_figures_are_those_of_the_counts(comparison: dict[str, Any]) -> None:
    first, second = comparison["sides"]
    # A wrong document has two wrong items and lacks the right one.
    assert (first["tp"], first["predicted"], first["gold"]) == (30, 90, 60)
    assert first["f1"] == pytest.approx(60 / 150)
    assert second["f1"] == pytest.approx(108 / 126)
    assert (first["exact_match"], second["exact_match"]) == (0.5, 0.9)


def test_the_better_one_is_said_to_be_better(comparison: dict[str, Any]) -> None:
    (against,) = comparison["against"]
    assert against["difference"] == pytest.approx(108 / 126 - 60 / 150)
    assert 0 < against["low"] < against["difference"] < against["high"]
    assert against["p_bootstrap"] < 0.01
    assert against["p_randomisation"] < 0.01


def test_documents_that_flipped_are_listed_both_ways(comparison: dict[str, Any]) -> None:
    (against,) = comparison["against"]
    assert against["lost"] == ["d0", "d10", "d20", "d30", "d40", "d50"]
    assert against["gained"] == [f"d{n}" for n in range(1, 60, 2)]
    assert len(comparison["documents"]) == 36
    lost = comparison["documents"][0]
    assert lost["answers"][0] == {"correct": ["Ada · PER"], "missed": [], "spurious": []}
    assert lost["answers"][1]["missed"] == ["Ada · PER"]
    assert lost["answers"][1]["spurious"] == ["Ada · LOC", "house · PER"]


def test_labels_stand_with_their_change_the_largest_first(comparison: dict[str, Any]) -> None:
    labels = {row["label"]: row for row in comparison["against"][0]["labels"]}
    assert list(labels) == ["PER", "LOC"]
    assert labels["PER"]["gold"] == 60
    assert labels["PER"]["change"] == pytest.approx(labels["PER"]["second"] - labels["PER"]["first"])
    assert labels["LOC"]["change"] == 0


def test_a_system_against_itself_has_nothing_to_show(two: tuple[Path, Path]) -> None:
    found = compare([read(two[0], name, NER) for name in "ab"], NER, resamples=50)
    (against,) = found["against"]
    assert (against["difference"], against["p_bootstrap"], against["p_randomisation"]) == (0, 1, 1)
    assert (against["lost"], against["gained"], found["documents"]) == ([], [], [])


def test_the_order_of_the_lines_makes_no_difference(rows: Rows, write: Write, comparison: dict[str, Any]) -> None:
    shuffled = write("second.jsonl", list(reversed(rows(60, lambda n: n % 10 != 0))))
    first = write("first.jsonl", rows(60, lambda n: n % 2 == 0))
    again = compare([read(path, path.stem, NER) for path in (first, shuffled)], NER, resamples=500)
    assert json.dumps(again) == json.dumps(comparison)


def test_the_terminal_has_table_verdict_labels_and_flips(comparison: dict[str, Any]) -> None:
    shown = "\n".join(lines(comparison))
    assert "NER, 60 documents" in shown
    assert re.search(r"^first +33\.3 +50\.0 +40\.0", shown, re.M)
    assert "second against first: F1 +45.7, 95 % interval +" in shown
    assert "PER: F1 50.0 to 90.0 (+40.0; 60 gold items)" in shown
    assert "6 right before, wrong now: d0, d10, d20, d30, d40, d50" in shown
    assert "30 wrong before, right now: d1, d3, d5, d7, d9, d11, d13, d15, d17, d19, ..." in shown


def test_the_page_asks_nothing_of_the_network_and_escapes_its_data(rows: Rows, write: Write) -> None:
    evil = '<script>alert(1)</script><img src="https://example.org/x">中文"'
    made = [row | {"text": f"{row['text']} {evil}"} for row in rows(4, bool)]
    other = [row | {"text": f"{row['text']} {evil}"} for row in rows(4, lambda n: n != 2)]
    paths = write("a.jsonl", made), write("b.jsonl", other)
    html = page(compare([read(path, evil, NER) for path in paths], NER, resamples=50))
    assert "<script" not in html
    assert "<img" not in html
    assert [link for link in links(html) if not link.startswith("#")] == []
    assert not re.findall(r"url\(|@import", html)
    assert "default-src &#x27;none&#x27;" in html
    assert "right before, wrong now" in html


def test_several_seeds_of_one_system_are_summarised(comparison: dict[str, Any]) -> None:
    seeds = over_seeds(comparison)
    assert seeds["exact_match"]["mean"] == pytest.approx(0.7)
    assert seeds["exact_match"]["sd"] == pytest.approx(0.2828, abs=1e-4)
    both = comparison | {"seeds": seeds}
    assert "exact_match over seeds: mean 70.0, sd 28.3, 50.0 to 90.0; 95 % interval" in "\n".join(lines(both))
    assert re.search(r"Exact match</th><td>2</td><td>70.0</td><td>28.3</td><td>50.0</td><td>90.0</td>", page(both))
    assert "several seeds" not in page(comparison)


def links(html: str) -> list[str]:
    """What any attribute of any element of the page points to."""
    found: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset"))

    Links().feed(html)
    return found


@pytest.mark.browser
@pytest.mark.integration
def test_the_page_shows_its_parts_in_a_browser(comparison: dict[str, Any], tmp_path: Path, chromium: str) -> None:
    (tmp_path / "c.html").write_text(page(comparison), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    for extra in (["--dump-dom"], [f"--screenshot={tmp_path / 'c.png'}"]):
        done = subprocess.run(
            [chromium, *options, *extra, (tmp_path / "c.html").as_uri()], capture_output=True, text=True, timeout=60,
            check=True,
        )  # fmt: skip
        assert "Content Security Policy" not in done.stderr
        assert extra != ["--dump-dom"] or 'id="lost-1"' in done.stdout
    assert (tmp_path / "c.png").stat().st_size > 10_000


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["extune", "compare", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    told = capsys.readouterr()
    return int(caught.value.code or 0), told.out, told.err


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_page_and_json_outside_a_project(
    two: tuple[Path, Path], outside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--html", "c.html", "--output", "c.json", "--task", "NER"]
    code, out, err = call(monkeypatch, capsys, *map(str, two), *places, "--json")
    assert code == 0
    assert json.loads(out) == json.loads((outside / "c.json").read_text(encoding="utf-8"))
    assert (outside / "c.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "note: not kept in MLflow" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["first.jsonl"], 2, "nothing to compare first.jsonl with. Name two or more"),
        (["first.jsonl", "second.jsonl"], 2, "the predictions do not say their task. Give --task"),
        (["first.jsonl", "second.jsonl", "--task", "RE"], 2, "first.jsonl: no RE items here, but items as of NER"),
        (["first.jsonl", "second.jsonl", "--task", "XX"], 2, "no task 'XX'"),
        (["first.jsonl", "gone.jsonl", "--task", "NER"], 2, "gone.jsonl: file not found"),
        (["first.jsonl", "second.jsonl", "--html", "."], 2, ".: is a folder"),
        pytest.param(
            *(
                ["first.jsonl", "@champion", "--task", "NER"],
                3,
                "is not in a project and MLFLOW_TRACKING_URI is not set",
            ),
            marks=pytest.mark.integration,
        ),
    ],
)
def test_a_users_mistake_is_one_line(
    two: tuple[Path, Path], outside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], code: int, message: str,
) -> None:  # fmt: skip
    found, out, err = call(monkeypatch, capsys, *words)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1
