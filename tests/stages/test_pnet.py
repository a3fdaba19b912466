from __future__ import annotations

from pathlib import Path

from mtcnn_lit.stages import PNetStage
from tests.stages.overfit import assert_learns_one_batch


def test_it_learns_one_batch_by_heart(tmp_path: Path) -> None:
    assert_learns_one_batch(PNetStage, tmp_path, steps=60, lr=0.01)
