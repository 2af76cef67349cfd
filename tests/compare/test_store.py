"""A comparison in MLflow: two systems' runs side by side in the UI, as a browser shows it."""

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extune.compare import Side, compare, read
from extune.compare.store import log
from extune.tasks import task

Rows = Callable[..., list[dict[str, Any]]]
Write = Callable[..., Path]
NER = task("NER")
NAMES = ("models:/people/1", "models:/people/2")

pytestmark = [pytest.mark.integration, pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def sides(rows: Rows, write: Write) -> list[Side]:
    paths = (write("1.jsonl", rows(12, lambda n: n % 2 == 0)), write("2.jsonl", rows(12, lambda n: n % 6 != 0)))
    return [read(path, name, NER) for path, name in zip(paths, NAMES, strict=True)]


@pytest.fixture
def server(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an MLflow server with a store of its own."""
    address = f"http://127.0.0.1:{free_port}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(free_port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{tmp_path}/s.db", "--artifacts-destination", str(tmp_path / "a")]
    with open(tmp_path / "server.log", "wb") as told:
        process = subprocess.Popen([*command, *store], cwd=tmp_path, stdout=told, stderr=told)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    try:
        until(lambda: answers(f"{address}/health"), 120)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=2).status == 200)
    except OSError:
        return False


def until(done: Callable[[], Any], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"nothing after {seconds} s"
        time.sleep(0.5)


def opened(chromium: str, url: str, folder: Path, *words: str) -> str:
    """The page after its scripts have had half a minute of their own time: that passes faster than ours."""
    profile = f"--user-data-dir={folder / 'profile'}"
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--window-size=1600,1600",
        profile,
    ]
    done = subprocess.run(
        [chromium, *options, "--virtual-time-budget=30000", *words, url], capture_output=True, text=True, timeout=180,
        check=True, env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    return done.stdout


def test_two_versions_stand_side_by_side_in_the_mlflow_ui(
    chromium: str, sides: list[Side], server: str, tmp_path: Path
) -> None:
    import mlflow

    mlflow.set_tracking_uri(server)
    parent = log("people", compare(sides, NER, resamples=50), sides, NER)
    found = mlflow.search_runs(experiment_names=["people"], output_format="list")
    runs = {run.info.run_name: run for run in found if run.info.run_id != parent}
    assert set(runs) == set(NAMES)

    query = urllib.parse.urlencode(
        {
            "runs": json.dumps([runs[name].info.run_id for name in NAMES]),
            "experiments": json.dumps([found[0].info.experiment_id]),
        }
    )
    url = f"{server}/#/compare-runs?{query}"
    picture = tmp_path / "compare.png"
    shown = opened(chromium, url, tmp_path, f"--screenshot={picture}", "--dump-dom")
    assert picture.stat().st_size > 20_000
    for name in (*NAMES, "f1_low", "exact_match", "invented_spans"):
        assert name in shown, f"{name} is not on the page {url}"
