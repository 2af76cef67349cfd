"""An output that grows part by part, survives a kill, and appears whole or not at all."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ..errors import DataError
from .parts import Done

NOTED_BYTES = 2**24
"""So much may be written again after a kill: to note every part would cost more than to make it."""


class Partial:
    """The unfinished `target` and its quarantine beside it, with a journal of what is in them.

    Others write the file `rows`, of which `size` bytes are done.

    A journal with the same `key` is taken up where it stops; any other is begun anew. After a kill the files may hold
    more than the journal says: that is cut off.
    """

    def __init__(self, target: Path, key: str) -> None:
        self.target, self.key = target, key
        self.quarantine = target.with_name(f"{target.name}.rejected.jsonl")
        self._journal = target.with_name(f".{target.name}.journal")
        self._paths = {name: target.with_name(f".{target.name}.{name}") for name in ("rows", "rejected")}
        self.rows = self._paths["rows"]
        self._files: dict[str, IO[bytes]] = {}
        self.parts, self.size, self._noted = 0, 0, 0
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> "Partial":
        self.target.parent.mkdir(parents=True, exist_ok=True)
        known = self._known()
        self.parts, self.size, self.counts = int(known["parts"]), int(known["rows"]), Counter(known["counts"])
        for name, path in self._paths.items():
            self._files[name] = _cut(path, int(known[name]))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for file in self._files.values():
            file.close()
        if kind is not None and not issubclass(kind, KeyboardInterrupt):
            self._forget()

    def _known(self) -> Mapping[str, Any]:
        new: dict[str, Any] = {"parts": 0, "counts": {}, **dict.fromkeys(self._paths, 0)}
        try:
            known = json.loads(self._journal.read_text(encoding="utf-8"))
            whole = all(path.stat().st_size >= known[name] for name, path in self._paths.items())
        except (OSError, ValueError, KeyError):
            return new
        return dict(known) if known["key"] == self.key and whole else new

    def end_part(self, part: Done) -> None:
        """Its rows are in `rows`; a kill loses at most the last 16 MB and the parts that are being made."""
        self._files["rejected"].write(part.rejected)
        self.parts += 1
        self.size += part.size
        self.counts.update(part.counts)
        sizes = {"rows": self.size, "rejected": self._files["rejected"].tell()}
        if sum(sizes.values()) - self._noted < NOTED_BYTES:
            return
        self._files["rejected"].flush()
        _begin_to_write(self._files["rows"], self._noted)
        self._noted = sum(sizes.values())
        self._note({"key": self.key, "parts": self.parts, "counts": dict(self.counts), **sizes})

    def _note(self, row: Mapping[str, object]) -> None:
        fresh = self._journal.with_name(f"{self._journal.name}.new")
        fresh.write_text(json.dumps(row), encoding="utf-8")
        os.replace(fresh, self._journal)

    def keep_rejected(self) -> None:
        """Put the quarantine alone in its place: the output itself is too bad."""
        self._files["rejected"].flush()
        os.replace(self._paths["rejected"], self.quarantine)

    def finish(self) -> None:
        """Put the whole output in its place; the quarantine too, or none if nothing is in it."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        if self._files["rejected"].tell():
            os.replace(self._paths["rejected"], self.quarantine)
        else:
            self.quarantine.unlink(missing_ok=True)
        os.replace(self._paths["rows"], self.target)
        self._forget()

    def _forget(self) -> None:
        for path in (*self._paths.values(), self._journal):
            path.unlink(missing_ok=True)


def _cut(path: Path, size: int) -> IO[bytes]:
    """The file, opened behind its first `size` bytes and shortened to them; a new one where nothing of it is kept.

    A process of a conversion that was killed may still have the old one open.
    """
    try:
        if not size:
            path.unlink(missing_ok=True)
        file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115
    except OSError as exc:
        raise DataError(f"cannot be written ({exc.strerror})", where=str(path)) from None
    file.truncate(size)
    file.seek(size)
    return file


def _begin_to_write(file: IO[bytes], start: int) -> None:
    """Let the disk have all from `start` while the next parts are made: `finish` would wait for everything at once."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), start, 0, os.POSIX_FADV_DONTNEED)


def key_of(*parts: object) -> str:
    """A digest of everything that decides the output's bytes, the state of this package's code included."""
    code = sorted((str(path), _changed(path)) for path in Path(__file__).parents[1].rglob("*.py"))
    return hashlib.sha256("\0".join(map(repr, (*parts, code))).encode()).hexdigest()


def state_of(path: Path) -> tuple[str, int, int]:
    """Name, size and time of a file: whether it is still the one that was begun with."""
    return str(path.resolve()), *_changed(path)


def _changed(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
