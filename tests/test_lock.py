"""requirements.lock holds everything but torch, by hash, and names no place to fetch it from."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^([^\s#].*?)(?: \\)?\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)*)", LOCK, re.MULTILINE)
PINS = {
    re.sub(r"[._]", "-", name.lower()): version for name, version in re.findall(r"^(\S+)==(\S+)", LOCK, re.MULTILINE)
}


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extra = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    direct = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return [Requirement(line) for line in (*direct, *extra) if not line.startswith("#")]


def test_every_entry_is_pinned_to_one_version_and_hashed() -> None:
    assert len(ENTRIES) > 100
    assert [entry for entry, hashes in ENTRIES if "==" not in entry or not hashes] == []


def test_no_place_to_fetch_from_is_named() -> None:
    assert re.findall(r"^.*(?:://|^-).*$", LOCK, re.MULTILINE) == []


def test_each_direct_dependency_but_torch_is_in_the_lock_at_a_version_it_accepts() -> None:
    pins = {need: PINS.get(need.name.lower()) for need in wanted() if need.name != "torch"}
    refused = {str(need): pin for need, pin in pins.items() if not pin or pin not in need.specifier}
    assert refused == {}


def test_torch_and_its_cuda_libraries_stay_out_of_the_lock() -> None:
    assert [name for name in PINS if name in {"torch", "triton"} or name.startswith("nvidia-")] == []
