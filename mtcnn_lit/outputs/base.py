"""The protocol of outputs."""

from __future__ import annotations

from typing import Protocol

from mtcnn_lit.detections import Detections
from mtcnn_lit.named_image import NamedImage, UnreadImage


class Finished(Exception):  # noqa: N818 - nothing went wrong
    """Raised by an output when no more pictures are wanted."""


class Output(Protocol):
    """Receives the pictures of an input in order, each with its detections.

    An output that writes to files has the argument ``path``, and raises `mtcnn_lit.errors.UserError` with one line
    when it can't write there. One that is watched live has the argument ``detector``, and gets the `LiveDetector`.
    """

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Take one picture."""

    def write_error(self, picture: UnreadImage) -> None:
        """Note that a picture could not be read."""

    def close(self) -> None:
        """Finish; called after the last picture, also when detection stops early."""
