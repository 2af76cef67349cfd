"""Checkpoints of a training: folders that appear whole or not at all, continued only by the training they are of.

One lies in `.cache/checkpoints/IDENTITY/step-00000050`. It is written as a hidden neighbour, every file is hashed into
`manifest.json`, all is synced, `complete` is written with the manifest's own hash, and the folder is renamed.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .bases import sha256
from .errors import EnvironmentProblem
from .files import read_json, write_json

log = logging.getLogger(__name__)

FOLDER = Path(".cache/checkpoints")
MANIFEST, COMPLETE = "manifest.json", "complete"
FORMAT = 1


def identity(parts: Mapping[str, Any]) -> str:
    """A name for everything that decides what is learned: settings, hashes of data and base, code and libraries."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def code_version(files: Mapping[str, Path]) -> str:
    """A hash over source files and folders of them, by the names given."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{name}/{file.name}:{sha256(file)}\n".encode())
    return digest.hexdigest()


def write(folder: Path, step: int, keep: int, fill: Callable[[Path], None]) -> Path:
    """Make the checkpoint of a step: `fill` writes its files into a folder. Older ones than the newest `keep` go.

    Raises OSError, such as for a full disk, with all earlier checkpoints as they were.
    """
    target, fresh = folder / f"step-{step:08}", folder / f".step-{step:08}.unfinished"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        fill(fresh)
        _seal(fresh, folder.name, step)
        if target.exists():
            _remove(target)
        fresh.rename(target)
        _sync(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    for old in _steps(folder)[keep:]:
        _remove(old)
    return target


def _seal(folder: Path, name: str, step: int) -> None:
    """Everything is on the disk before the manifest is, and the manifest before the mark."""
    files = {}
    for path in sorted(folder.iterdir()):
        files[path.name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
        _sync(path)
    write_json(folder / MANIFEST, {"format": FORMAT, "identity": name, "step": step, "files": files})
    with open(folder / COMPLETE, "w", encoding="ascii") as handle:
        handle.write(sha256(folder / MANIFEST))
        handle.flush()
        os.fsync(handle.fileno())
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(checkpoint: Path) -> None:
    """Out of sight first, so that a kill leaves no half of it that looks damaged."""
    hidden = checkpoint.with_name(f".{checkpoint.name}.removed")
    shutil.rmtree(hidden, ignore_errors=True)
    checkpoint.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def _steps(folder: Path) -> list[Path]:
    """Checkpoints of a training, newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def fault(checkpoint: Path, name: str) -> str | None:
    """Why a checkpoint cannot be continued by the training of this identity; None if it can."""
    try:
        if (checkpoint / COMPLETE).read_text(encoding="ascii") != sha256(checkpoint / MANIFEST):
            return f"{MANIFEST} was changed"
        manifest = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
        for file, known in manifest["files"].items():
            path = checkpoint / file
            if path.stat().st_size != known["bytes"] or sha256(path) != known["sha256"]:
                return f"{file} was changed"
    except FileNotFoundError as exc:
        return f"{Path(exc.filename).name} is missing"
    except OSError as exc:
        return f"{Path(exc.filename).name} cannot be read ({exc.strerror})"
    if manifest["format"] != FORMAT or manifest["identity"] != name:
        return "it is of another training"
    return None


def latest(folder: Path) -> Path | None:
    """The newest sound checkpoint in `FOLDER/IDENTITY`. A damaged one is removed and named in a warning."""
    for checkpoint in _steps(folder):
        why = fault(checkpoint, folder.name)
        if why is None:
            return checkpoint
        log.warning("checkpoint %s is passed over: %s", checkpoint.name, why)
        _remove(checkpoint)
    return None


def step_of(checkpoint: Path) -> int:
    """The optimiser steps done when it was written."""
    return int(checkpoint.name.removeprefix("step-"))


def tidy(folder: Path) -> None:
    """Clear away what a kill left half written or half removed, and name the trainings that were set aside.

    Others that ended before their first checkpoint have nothing to go on from: they go too.
    """
    others = [other for other in sorted(folder.parent.glob("[!.]*")) if other != folder]
    empty = [other for other in others if not _steps(other)]
    for rest in (*folder.glob(".step-*"), *folder.parent.glob(".*.removed"), *empty):
        shutil.rmtree(rest, ignore_errors=True)
    aside = [other for other in others if other not in empty]
    if aside:
        size = sum(file.stat().st_size for other in aside for file in other.rglob("*") if file.is_file())
        log.warning(
            "set aside, since settings, data, base or code have changed: %d unfinished training(s) in %s (%.1f MB; "
            "with the old settings they go on; remove the folder if you will not)",
            len(aside), folder.parent, size / 1e6,
        )  # fmt: skip


def settled(folder: Path, name: str, value: Any) -> Any:
    """The value that was noted for a training under this name, else this one, noted now."""
    known = _settled(folder)
    if name not in known:
        settle(folder, name, value)
    return known.get(name, value)


def settle(folder: Path, name: str, value: Any) -> None:
    """Note a value for a training, in place of the one it had."""
    write_json(folder / SETTLED, _settled(folder) | {name: value})


def _settled(folder: Path) -> dict[str, Any]:
    path = folder / SETTLED
    return read_json(path) if path.is_file() else {}


SETTLED = "settled.json"


def discard(folder: Path) -> None:
    """Remove a finished training's checkpoints: all of them or, to a kill, none."""
    if folder.exists():
        _remove(folder)


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the right to train in this project. Raises EnvironmentProblem at once, naming the process that has it.

    The kernel lets a dead process's lock go, so none is ever stale.
    """
    from filelock import FileLock, Timeout

    home = root / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    holder = home / ".holder.json"
    lock = FileLock(home / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise EnvironmentProblem(
            f"another training is writing models/adapter ({_holder(holder)})",
            where=str(root),
            remedy="Wait for it, or stop it: it writes a checkpoint on SIGTERM",
        ) from None
    try:
        write_json(holder, {"pid": os.getpid(), "host": os.uname().nodename, "since": time.strftime("%F %T")})
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    with contextlib.suppress(Exception):
        return "pid {pid} on {host}, since {since}".format_map(read_json(path))
    return "its pid is not known yet"
