"""Training of R-Net."""

from __future__ import annotations

from typing import ClassVar

from mtcnn_lit.stages.base import Stage


class RNetStage(Stage):
    """See `Stage` and `mtcnn_lit.nets.RNet`."""

    name: ClassVar[str] = "rnet"
