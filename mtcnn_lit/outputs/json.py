"""``output=json``: one JSON line an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TextIO

from mtcnn_lit.detections import Detections
from mtcnn_lit.detections_file import detections_line, error_line
from mtcnn_lit.named_image import NamedImage, UnreadImage
from mtcnn_lit.outputs.text_file import open_text


@dataclass
class JsonOutput:
    """One JSON line an image, as `mtcnn_lit.detections_file` says, written out at once."""

    path: str
    _file: TextIO = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._file = open_text(self.path)

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Add the detections of one image."""
        self._line(detections_line(picture.name, detections, picture.position()))

    def write_error(self, picture: UnreadImage) -> None:
        """Note that an image could not be read."""
        self._line(error_line(picture.name, picture.error))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _line(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()
