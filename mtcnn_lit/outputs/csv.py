"""``output=csv``: one row a face."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from mtcnn_lit.detections import Detections
from mtcnn_lit.detections_file import rounded
from mtcnn_lit.named_image import NamedImage, UnreadImage
from mtcnn_lit.outputs.text_file import TextFile


class CsvOutput:
    """One row a face: ``image,x1,y1,x2,y2,score``, flushed at once; for video frames, ``frame,time`` follow `image`.

    A picture without faces has no row, nor has one that could not be read.

    Args:
        path: the file, or ``-`` for standard output.
    """

    def __init__(self, path: str) -> None:
        self._file = TextFile(path)
        self._headed = False

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Add the faces of one image."""
        position = picture.position()
        self._head(position)
        boxes, scores = rounded(detections)
        faces = zip(boxes, scores, strict=True)
        self._rows([picture.name, *position.values(), *box, score] for box, score in faces)

    def write_error(self, picture: UnreadImage) -> None:
        """Add no row, but replace what an earlier run left in the file."""
        self._head(())

    def close(self) -> None:
        """Finish the file; without any picture, write the header unless the file holds an earlier run's content."""
        try:
            if not self._file.is_old:
                self._head(())
        finally:
            self._file.close()

    def _head(self, position: Iterable[str]) -> None:
        if not self._headed:
            self._rows([["image", *position, "x1", "y1", "x2", "y2", "score"]])
            self._headed = True

    def _rows(self, rows: Iterable[Iterable[str | float]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue())
