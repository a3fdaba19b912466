"""Where detections go: JSON lines, or pictures with boxes drawn in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from mtcnn_lit.detections import Detections
from mtcnn_lit.detections_file import detections_line, error_line
from mtcnn_lit.draw import draw
from mtcnn_lit.images import Image, ImageError, write_image


@dataclass
class JsonOutput:
    """One JSON line an image, as `mtcnn_lit.detections_file` says."""

    path: str
    _file: TextIO = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(self.path).open("w", encoding="utf-8")  # noqa: SIM115 - open until close()
        except OSError as error:
            raise ImageError(f"can't write {self.path}: {error.strerror}; set output.path to a file") from error

    def write(self, name: str, image: Image, detections: Detections) -> None:
        """Add the detections of one image."""
        self._line(detections_line(name, detections))

    def write_error(self, name: str, error: ImageError) -> None:
        """Note that an image could not be read."""
        self._line(error_line(name, error))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _line(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()


@dataclass
class ImagesOutput:
    """A copy of each picture with its detections drawn in, below a folder; the pictures themselves stay as they are."""

    path: str

    def write(self, name: str, image: Image, detections: Detections) -> None:
        """Save one picture as ``<name>.faces.png``: no input is overwritten, even in its own folder."""
        write_image(Path(self.path) / f"{name}.faces.png", draw(image, detections))

    def write_error(self, name: str, error: ImageError) -> None:
        """Nothing to draw."""

    def close(self) -> None:
        """Nothing to finish."""
