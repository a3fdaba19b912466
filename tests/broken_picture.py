"""A picture that can't be read."""

from __future__ import annotations

import pytest

from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.sources import Synthetic
from mtcnn_lit.sources.base import Split


def break_the_first_picture(monkeypatch: pytest.MonkeyPatch, split: Split) -> None:
    """From now on the first synthetic picture of a split can't be read."""
    read = Synthetic.read

    def read_but_the_first(source: Synthetic, index: int) -> Image:
        if source.split == split and index == 0:
            raise ImageError("broken")
        return read(source, index)

    monkeypatch.setattr(Synthetic, "read", read_but_the_first)
