"""Training of P-Net."""

from __future__ import annotations

from typing import ClassVar

from mtcnn_lit.stages.base import Stage


class PNetStage(Stage):
    """See `Stage` and `mtcnn_lit.nets.PNet`."""

    name: ClassVar[str] = "pnet"
