"""``output=window``: pictures in a window, with boxes and figures, controlled by keys."""

from __future__ import annotations

import logging
from datetime import datetime

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import ImageError, write_image
from mtcnn_lit.live.detector import LiveDetector
from mtcnn_lit.live.screen import Screen
from mtcnn_lit.live.window import Window
from mtcnn_lit.named_image import Frame, NamedImage, UnreadImage, drawn_file
from mtcnn_lit.outputs.base import Finished

log = logging.getLogger(__name__)

_QUIT, _PAUSE, _SAVE, _UP, _DOWN, _SCORES = ("q", "\x1b"), " ", "s", ("+", "="), ("-", "_"), "h"
_STEP = 0.05  # of the threshold
_LOOK = 0.05  # seconds between polls of a paused window


class WindowOutput:
    """Shows each picture as soon as its faces are found.

    Keys: q or Esc quits, space pauses, s saves the picture with its boxes, + and - move the threshold of the last
    network, h hides the scores. A picture that is no frame stays until space is pressed.

    Args:
        detector: the one that finds the faces; its threshold is moved, and its times are shown.
        saved: the folder of saved pictures.

    Raises:
        UserError: when no window can be opened here.
    """

    def __init__(self, detector: LiveDetector, saved: str) -> None:
        self._window = Window()
        self._detector = detector
        self._screen = Screen(detector)
        self._saved = saved
        log.info("keys: q quit, space pause, s save, + - threshold, h scores")

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Show one picture and handle keys; returns when the next picture is due.

        Raises:
            Finished: when the user quits or closes the window.
        """
        self._screen.tick()
        paused = not isinstance(picture, Frame)
        while True:
            self._window.show(self._screen.draw_all(picture, detections, "paused" if paused else ""))
            key = self._window.key(_LOOK if paused else 0)
            if key in _QUIT or self._window.is_closed():
                raise Finished
            if key == _PAUSE:
                paused = not paused
            elif key == _SAVE:
                self._save(picture, detections)
            elif key == _SCORES:
                self._screen.scores = not self._screen.scores
            elif key in (*_UP, *_DOWN):
                self._detector.threshold += _STEP if key in _UP else -_STEP
                detections = self._detector.detect(picture.image)
            if not key and not paused:
                return

    def write_error(self, picture: UnreadImage) -> None:
        """Nothing to show."""

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    def _save(self, picture: NamedImage, detections: Detections) -> None:
        now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
        file = drawn_file(self._saved, f"{picture.name}.{now}")
        try:
            write_image(file, self._screen.draw(picture, detections))
        except ImageError as error:
            log.warning("%s", error)  # no reason to stop
        else:
            log.info("saved %s", file)
