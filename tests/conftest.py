"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def widerface_root() -> Path:
    """The folder with real photographs; tests that ask for it carry ``@pytest.mark.widerface``."""
    beside_the_repository = Path(__file__).resolve().parents[1].parent / "shared" / "widerface"
    root = Path(os.environ.get("WIDERFACE_ROOT", beside_the_repository))
    if not root.is_dir():
        pytest.skip(f"no WIDER FACE at {root}; set WIDERFACE_ROOT to its folder")
    return root
