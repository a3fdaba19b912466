from __future__ import annotations

import pytest
import torch

from mtcnn_lit.face_sizes import SIZES, size_class


@pytest.mark.parametrize(
    ("height", "size"),
    [
        (0.5, "<12"),
        (11.99, "<12"),
        (12, "12-20"),
        (19.99, "12-20"),
        (20, "20-40"),
        (39.99, "20-40"),
        (40, "40-80"),
        (80, "40-80"),
        (80.01, ">80"),
        (5000, ">80"),
    ],
)
def test_faces_are_classed_by_height(height: float, size: str) -> None:
    boxes = torch.tensor([[7.0, 0, 8, height], [0, 0, 1000, height]])
    assert [SIZES[index] for index in size_class(boxes).tolist()] == [size, size]


def test_no_faces() -> None:
    assert size_class(torch.zeros(0, 4)).tolist() == []
