"""``output=json``: one JSON line an image."""

from __future__ import annotations

from mtcnn_lit.detections import Detections
from mtcnn_lit.detections_file import detections_line, error_line
from mtcnn_lit.named_image import NamedImage, UnreadImage
from mtcnn_lit.outputs.text_file import TextFile


class JsonOutput:
    """One JSON line an image, as in `mtcnn_lit.detections_file`, flushed at once.

    Args:
        path: the file, or ``-`` for standard output.
    """

    def __init__(self, path: str) -> None:
        self._file = TextFile(path)

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Add the detections of one image."""
        self._file.write(detections_line(picture.name, detections, picture.position()) + "\n")

    def write_error(self, picture: UnreadImage) -> None:
        """Note that an image could not be read."""
        self._file.write(error_line(picture.name, picture.error) + "\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
