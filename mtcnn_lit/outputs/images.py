"""``output=images``: pictures with boxes drawn in."""

from __future__ import annotations

from mtcnn_lit.detections import Detections
from mtcnn_lit.draw import draw
from mtcnn_lit.images import make_folder, write_image
from mtcnn_lit.named_image import NamedImage, UnreadImage, drawn_file


class ImagesOutput:
    """A copy of each picture with its detections drawn in, below a folder; the pictures themselves stay as they are."""

    def __init__(self, path: str) -> None:
        self._folder = make_folder(path)

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Save one picture as ``<name>.faces.png``: no input is overwritten, even in its own folder."""
        write_image(drawn_file(self._folder, picture.file_name), draw(picture.image, detections))

    def write_error(self, picture: UnreadImage) -> None:
        """Nothing to draw."""

    def close(self) -> None:
        """Nothing to finish."""
