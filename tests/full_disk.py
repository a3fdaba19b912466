"""A disk that is full where a file is to be written whole."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here, as on a Mac")


def fill_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on `mtcnn_lit.files.write_atomically` finds no room for this file."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0")
    Path(f"{path}.0.unfinished").symlink_to("/dev/full")
