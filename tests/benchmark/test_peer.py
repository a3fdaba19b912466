"""Another detector in another Python: this one, with a stand-in for facenet-pytorch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.benchmark.peer import Peer, PeerError

# As the real one: boxes and probabilities, or None without faces. It finds as many as its settings add up to.
STAND_IN = """
class MTCNN:
    def __init__(self, keep_all, device, min_face_size, factor, thresholds):
        assert device == "cpu:0"
        self.count = int(min_face_size + 10 * factor + sum(thresholds))
    def detect(self, image):
        assert image.shape == (20, 30, 3)
        return (None, [None]) if image.max() == 0 else ([[0, 0, 9, 9]] * self.count, [1.0] * self.count)
"""


def start(python: str = sys.executable, worker: str = "facenet_worker.py") -> Peer:
    settings = {"min_face_size": 20, "scale_factor": 0.7, "thresholds": [0.6, 0.7, 0.7]}
    return Peer(python, worker, "facenet-pytorch", 1, "cpu:0", **settings)


def test_it_is_asked_picture_by_picture_with_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facenet_pytorch.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name, value in (("dark", 0), ("bright", 9)):
        np.save(tmp_path / name, np.full((20, 30, 3), value, np.uint8))
    with start() as peer:
        dark, bright = (peer.detect(tmp_path / f"{name}.npy") for name in ("dark", "bright"))
    assert (dark.faces, bright.faces) == (0, 29)
    assert 0 < bright.seconds < 1


def test_a_script_of_ones_own_is_found_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text("print('{}')\ninput()\n")
    monkeypatch.chdir(tmp_path)
    start(worker="own.py").close()
    with pytest.raises(PeerError, match=r"^peer\.worker: no script at none\.py$"):
        start(worker="none.py")


def test_a_missing_interpreter_is_named() -> None:
    for python, reason in (("/nowhere/python", "No such file or directory"), ("a\0b", "embedded null byte")):
        with pytest.raises(PeerError, match=rf"^peer\.python: can't start '.*' \({reason}\): name"):
            start(python)


def test_an_interpreter_without_the_package_is_named() -> None:
    with pytest.raises(PeerError, match=r"can't run facenet-pytorch \(No module named 'facenet_pytorch'\); is it"):
        start()


def test_the_last_words_of_one_that_breaks_are_told(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("raise SystemExit('out of luck')")
    with pytest.raises(PeerError, match=r"can't run facenet-pytorch \(out of luck\)"):
        start(worker=str(tmp_path / "worker.py"))


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        (['{"error": "no face"}'], r"^peer: facenet-pytorch can't detect in a picture \(no face\); leave peer out$"),
        ([], r"^peer: facenet-pytorch can't detect in a picture \(it said nothing\); leave peer out$"),
        (['{"time": 1}'], r"^peer\.worker: must answer with seconds and faces, not {'time': 1}$"),
        (["5"], r"^peer: facenet-pytorch can't detect in a picture \(it answered '5'\)"),
    ],
)
def test_one_that_answers_something_else_is_told(tmp_path: Path, answers: list[str], complaint: str) -> None:
    lines = ["{}", *answers]
    (tmp_path / "worker.py").write_text(f"for line in {lines!r}:\n    input()\n    print(line, flush=True)\n")
    with start(worker=str(tmp_path / "worker.py")) as peer, pytest.raises(PeerError, match=complaint):
        peer.detect(tmp_path / "a.npy")


def test_one_that_talks_before_it_answers_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text("print('loading model ...', flush=True)\ninput()\n")
    with pytest.raises(PeerError, match=r"can't run facenet-pytorch \(it answered 'loading model \.\.\.'\); is it"):
        start(worker=str(tmp_path / "worker.py"))


def test_its_threads_wait_as_they_do_without_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "1000")
    (tmp_path / "worker.py").write_text(
        "import json, os; input(); print(json.dumps({'error': f\"spins {os.environ.get('GOMP_SPINCOUNT')}\"}))"
    )
    with pytest.raises(PeerError, match="spins None"):
        start(worker=str(tmp_path / "worker.py"))
