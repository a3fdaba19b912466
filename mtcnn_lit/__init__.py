"""mtcnn-lit: train, measure and run MTCNN face detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtcnn_lit.detections import Detections
    from mtcnn_lit.mtcnn import MTCNN

__all__ = ["MTCNN", "Detections"]


def __getattr__(name: str) -> Any:
    """Import `MTCNN` and `Detections` lazily: the commands set environment variables before torch is loaded."""
    if name == "MTCNN":
        from mtcnn_lit.mtcnn import MTCNN

        return MTCNN
    if name == "Detections":
        from mtcnn_lit.detections import Detections

        return Detections
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
