"""A server that speaks the Hugging Face hub's protocol, as huggingface_hub asks for models, and fails as a hub may."""

import hashlib
import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Files = dict[str, bytes]
NAME = "org/tiny"


class Hub(ThreadingHTTPServer):
    """Repositories by id, each with the files of its commits, the last one being `main`.

    `failing`: patterns of addresses, and what happens there in place of an answer. `asked`: addresses, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories: dict[str, list[Files]] = {}
        self.failing: dict[str, Callable[[Answer], None]] = {}
        self.asked: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_port}"

    def commit(self, name: str = NAME) -> str:
        """The id of the last commit of a repository."""
        return [*self.commits(name)][-1]

    def commits(self, name: str) -> dict[str, Files]:
        """The files of each commit."""
        numbered = enumerate(self.repositories[name])
        return {hashlib.sha1(f"{name} {number}".encode()).hexdigest(): files for number, files in numbered}


class Answer(BaseHTTPRequestHandler):
    """What huggingface_hub asks of a model: the commit of a revision, its list of files, each file; weights elsewhere."""

    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        """Answer by the kind of address."""
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        kinds: dict[str, Callable[..., None]] = {
            r"/api/models/([^/]+/[^/]+)/revision/(.+)": self.revision,
            r"/api/models/([^/]+/[^/]+)/tree/(.+)": self.tree,
            r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)": self.file,
            r"/elsewhere/([^/]+/[^/]+)/([^/]+)/(.+)": self.weights,
        }
        failing = next((fail for pattern, fail in self.server.failing.items() if re.search(pattern, path)), None)
        if failing:
            failing(self)
            return
        answer, match = next((a, m) for pattern, a in kinds.items() if (m := re.fullmatch(pattern, path)))
        name, revision, *rest = match.groups()
        if name not in self.server.repositories:
            self.refuse(401, "RepoNotFound")
            return
        commits = self.server.commits(name)
        revision = self.server.commit(name) if revision == "main" else revision
        if revision not in commits:
            self.refuse(404, "RevisionNotFound")
            return
        answer(name, revision, commits[revision], *rest)

    do_HEAD = do_GET

    def revision(self, name: str, commit: str, _: Files) -> None:
        self.send(json.dumps({"id": name, "sha": commit}).encode())

    def tree(self, _: str, __: str, files: Files) -> None:
        rows = [{"type": "file", "path": name, "size": len(data), "oid": oid(data)} for name, data in files.items()]
        self.send(json.dumps(rows).encode())

    def file(self, name: str, commit: str, files: Files, file: str) -> None:
        data = files[file]
        about = {"X-Repo-Commit": commit, "ETag": f'"{oid(data)}"'}
        if file.endswith(".safetensors"):
            linked = {"X-Linked-Size": str(len(data)), "X-Linked-ETag": about["ETag"]}
            self.send(
                b"",
                about
                | linked
                | {"Location": f"http://localhost:{self.server.server_port}/elsewhere/{name}/{commit}/{file}"},
                302,
            )
        else:
            self.send(data, about)

    def weights(self, _: str, __: str, files: Files, file: str) -> None:
        self.send(files[file])

    def send(self, data: bytes, headers: Any = (), status: int = 200, keep: float = 1.0) -> None:
        """The bytes asked for by Range; `keep`: the share of them after which the line is cut."""
        first = int(re.sub(r"\D", "", self.headers.get("Range", "0")))
        self.send_response(206 if first else status)
        more = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"} if first else {}
        for key, value in {"Content-Length": str(len(data) - first), **more, **dict(headers)}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[first:][: int(keep * (len(data) - first))])
        self.close_connection = keep < 1

    def refuse(self, status: int, code: str = "") -> None:
        self.send(b"", {"X-Error-Code": code} if code else {}, status)

    def log_message(self, *_: Any) -> None:
        """Nothing: stderr is what is tested."""


def oid(data: bytes) -> str:
    """The hash that git gives a file, which the hub lists."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
