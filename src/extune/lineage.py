"""What a run was made from: hashes of its data, the commit of its code, the versions of its libraries."""

import hashlib
import subprocess
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "llguidance", "mlflow", "extune")


def md5(path: Path) -> str:
    """Hex md5 of a file: the digest DVC gives it in dvc.lock."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def git_state(root: Path) -> dict[str, str]:
    """Commit and whether tracked files differ from it; empty outside a repository."""
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return {}
    return {
        "git.commit": commit,
        "git.dirty": str(bool(_git(root, "status", "--porcelain", "--untracked-files=no"))).lower(),
    }


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def library_versions() -> dict[str, str]:
    """Installed versions of what decides the result."""
    return {name: version(name) for name in LIBRARIES}
