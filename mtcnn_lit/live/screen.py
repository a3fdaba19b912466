"""The picture that a window or browser shows: with boxes, and with figures in its corner."""

from __future__ import annotations

import cv2
import numpy as np

from mtcnn_lit.detections import Detections
from mtcnn_lit.draw import draw
from mtcnn_lit.images import Image
from mtcnn_lit.live.detector import LiveDetector
from mtcnn_lit.live.pace import Rate
from mtcnn_lit.named_image import NamedImage

_FONT = cv2.FONT_HERSHEY_DUPLEX
_INK = (255, 255, 255)


class Screen:
    """Draws one picture after another, with their rate, the time of each network and the threshold.

    Attributes:
        scores: whether boxes have their scores beside them.
    """

    def __init__(self, detector: LiveDetector) -> None:
        self._detector = detector
        self._rate = Rate()
        self._fps = 0.0
        self.scores = True

    def tick(self) -> None:
        """Count a new picture for the rate."""
        self._fps = self._rate.tick()

    def draw(self, picture: NamedImage, detections: Detections) -> Image:
        """The picture with its boxes only."""
        return draw(picture.image, detections, scores=self.scores)

    def draw_all(self, picture: NamedImage, detections: Detections, state: str = "") -> Image:
        """The picture with boxes and figures, and a word on its state."""
        times = "  ".join(f"{network} {1000 * seconds:.0f}" for network, seconds in self._detector.times.items())
        faces = "1 face" if len(detections) == 1 else f"{len(detections)} faces"
        lines = [f"{self._fps:.1f} fps   {times} ms", f"{faces}   threshold {self._detector.threshold:.2f}"]
        return note(self.draw(picture, detections), [*lines, state] if state else lines)


def note(image: Image, lines: list[str]) -> Image:
    """The picture with lines of text in its upper left corner, on a dark background, scaled to fit the width."""
    canvas = image.copy()
    height, width = canvas.shape[:2]
    widest = max(cv2.getTextSize(line, _FONT, 1, 1)[0][0] for line in lines)
    scale = min(max(0.4, max(height, width) / 1600), 0.95 * width / widest)
    line_height = round(34 * scale)
    right, bottom = round(widest * scale) + line_height, (len(lines) * line_height) + line_height // 2
    corner = canvas[:bottom, :right]
    corner[:] = (corner * np.float32(0.35)).astype(np.uint8)
    for number, line in enumerate(lines, start=1):
        place = (line_height // 2, round((number - 0.1) * line_height))
        cv2.putText(canvas, line, place, _FONT, scale, _INK, 1, cv2.LINE_AA)
    return canvas
