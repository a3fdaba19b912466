"""Training of O-Net."""

from __future__ import annotations

from typing import ClassVar

from mtcnn_lit.stages.base import Stage


class ONetStage(Stage):
    """See `Stage` and `mtcnn_lit.nets.ONet`."""

    name: ClassVar[str] = "onet"
