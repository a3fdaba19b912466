"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import pytest

from mtcnn_lit.cascade import size_prior

# Minutes of `make test`, each: begun last, one would keep a worker when the other has nothing left to do.
_LONGEST = ("test_end_to_end.py", "test_interruptions.py")


# How long an example takes says more of what else the machine does than of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure() -> None:
    """Tests stop programs by Ctrl-C, which what a shell starts in the background passes over (`make test &`)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; all others keep their order."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


@pytest.fixture(scope="session")
def widerface_root() -> Path:
    """The folder with real photographs; tests that ask for it carry ``@pytest.mark.widerface``."""
    beside_the_repository = Path(__file__).resolve().parents[1].parent / "shared" / "widerface"
    root = Path(os.environ.get("WIDERFACE_ROOT", beside_the_repository))
    if not root.is_dir():
        pytest.skip(f"no WIDER FACE at {root}; set WIDERFACE_ROOT to its folder")
    return root


@pytest.fixture
def logits_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cascade takes the networks' logits as they are, however small the boxes, and O-Net for as sure as it says."""
    monkeypatch.setattr(size_prior, "_LOGIT_PER_OCTAVE", 0.0)
    monkeypatch.setattr("mtcnn_lit.nets.ONet.temperature", 1.0)
