"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets: $EXTUNE_REAL_DATA, else `shared/data` beside the repository."""
    folder = Path(os.environ.get("EXTUNE_REAL_DATA", BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no real data: set EXTUNE_REAL_DATA (looked at {folder})")
    return folder
