"""Pictures on disk that are measured together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.benchmark.picture_set import PictureSet


def test_each_picture_is_kept_in_a_file_of_its_own(tmp_path: Path) -> None:
    pictures = [np.full((height, width, 3), height, np.uint8) for height, width in ((2, 3), (4, 5))]
    kept = PictureSet.write(tmp_path, "crowd 3x2", pictures, with_peer=False)
    assert [file.relative_to(tmp_path).as_posix() for file in kept.files] == ["crowd_3x2/0.npy", "crowd_3x2/1.npy"]
    assert [np.load(file).tolist() for file in kept.files] == [picture.tolist() for picture in pictures]
    assert kept.megapixels == pytest.approx((2 * 3 + 4 * 5) / 1e6)
    assert (kept.name, kept.batch_sizes, kept.with_peer) == ("crowd 3x2", (1,), False)


def test_no_more_go_into_a_call_than_there_are_smallest_calls_first(tmp_path: Path) -> None:
    pictures = [np.zeros((2, 2, 3), np.uint8)] * 3
    assert PictureSet.write(tmp_path, "drawn", pictures, [16, 2, 1, 8], with_peer=True).batch_sizes == (1, 2, 3)
