"""The tracking store: made once, by one process at a time; a server that is down is said to be."""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from extune.errors import TrackingError

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{tmp_path}/s.db", "--artifacts-destination", str(tmp_path / "a")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, *store], cwd=tmp_path, **quiet)  # type: ignore[call-overload]
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def test_the_default_store_is_absolute_and_at_the_project_root(project: Path) -> None:
    from extune.tracking import connect

    client = connect(project, "extune")
    assert (project / "mlflow.db").is_file()
    found = client.get_experiment_by_name("extune")
    assert found.artifact_location == (project / "mlartifacts").as_uri()


def test_outside_a_project_no_store_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from extune.tracking import connect

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(TrackingError, match="is not in a project and MLFLOW_TRACKING_URI is not set"):
        connect(tmp_path, "extune")
    assert not list(tmp_path.iterdir())


def test_processes_that_start_together_do_not_race(project: Path) -> None:
    program = "from pathlib import Path; from extune.tracking import connect; connect(Path.cwd(), 'extune')"
    command = [sys.executable, "-W", "ignore", "-c", program]
    started = [subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE) for _ in range(3)]
    assert [p.wait(180) for p in started] == [0, 0, 0]


def test_a_server_that_is_down_is_one_clear_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from extune.tracking import connect

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{free_port()}")
    with pytest.raises(TrackingError, match="does not answer") as caught:
        connect(project, "extune")
    assert caught.value.exit_code == 3
    assert "secret" not in str(caught.value)


def test_a_real_server_keeps_the_run(project: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from extune.tracking import connect, has_run, run

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    client = connect(project, "extune")
    with run(client, "extune", {"a": "b"}) as run_id:
        pass
    assert client.get_run(run_id).data.tags["a"] == "b"
    assert has_run(client, run_id)
    assert not has_run(client, "0" * 32)
    assert not (project / "mlflow.db").exists()


def test_an_address_is_shown_without_its_password() -> None:
    from extune.tracking import public

    assert public("https://me:pw@host:5000/x") == "https://host:5000/x"
    assert public("sqlite:////tmp/mlflow.db") == "sqlite:////tmp/mlflow.db"
    assert os.environ.get("MLFLOW_DISABLE_TELEMETRY")


@pytest.fixture
def saying() -> Iterator[Callable[[int], str]]:
    """The address of something that answers every request with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.split("/")[1]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield lambda status: f"http://127.0.0.1:{server.server_port}/{status}"
        server.shutdown()


def test_what_may_pass_is_waited_for_and_a_mistake_is_not(
    project: Path, saying: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from extune.errors import NoAnswer
    from extune.tracking import reach

    began = time.monotonic()
    for uri in (f"http://127.0.0.1:{free_port()}", *map(saying, (429, 500, 503))):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert reach(project, "extune") is None, uri
    wrong = ("htp://127.0.0.1:5000", *map(saying, (401, 403, 404)), saying(200).replace("http:", "https:"))
    for uri in wrong:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(TrackingError, match="cannot be used") as caught:
            reach(project, "extune")
        assert not isinstance(caught.value, NoAnswer), uri
    assert time.monotonic() - began < 30


def test_a_store_of_a_newer_mlflow_is_a_mistake(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from extune.tracking import connect, reach

    connect(project, "extune")
    shutil.copyfile(project / "mlflow.db", project / "newer.db")
    with contextlib.closing(sqlite3.connect(project / "newer.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'of_tomorrow'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'newer.db'}")
    with pytest.raises(TrackingError, match="cannot be used"):
        reach(project, "extune")
