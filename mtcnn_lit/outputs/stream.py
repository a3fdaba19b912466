"""``output=stream``: pictures for a browser, with boxes and figures."""

from __future__ import annotations

import logging
import sys
import time

import cv2
import numpy as np

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import Image
from mtcnn_lit.live.detector import LiveDetector
from mtcnn_lit.live.screen import Screen
from mtcnn_lit.live.server import PictureServer
from mtcnn_lit.named_image import Frame, NamedImage, UnreadImage

log = logging.getLogger(__name__)

_LONGEST_SIDE = 65500  # px, the limit of JPEG
_AGAIN = 1.0  # seconds until a still picture is sent again: Chrome shows a picture when the next one begins


class StreamOutput:
    """A page that shows each picture as soon as its faces are found; a slow browser skips some and delays nothing.

    Args:
        detector: the one that finds the faces; its times are shown.
        host: the address to listen on; 127.0.0.1 is visible only on this machine, 0.0.0.0 in the whole network.
        port: where to listen; 0 takes a free one.
        quality: of the JPEG pictures, up to 100.

    Attributes:
        address: of the page.

    Raises:
        UserError: when it can't listen there.
        ValueError: when there is no such quality.
    """

    def __init__(self, detector: LiveDetector, host: str = "127.0.0.1", port: int = 8080, quality: int = 85) -> None:
        if quality not in range(1, 101):
            raise ValueError(f"quality must be a whole number from 1 to 100, not {quality}")
        self._quality = [cv2.IMWRITE_JPEG_QUALITY, int(quality)]  # OpenCV takes no 85.0
        self._screen = Screen(detector)
        self._server = PictureServer(host, port)
        self._still: bytes | None = None  # the last picture, unless it was a frame
        self.address = self._server.address
        log.info("look at %s with a browser; Ctrl-C ends it", self.address)

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Show one picture."""
        self._screen.tick()
        shown = cv2.cvtColor(_small_enough(self._screen.draw_all(picture, detections)), cv2.COLOR_RGB2BGR)
        encoded = cv2.imencode(".jpg", shown, self._quality)[1].tobytes()
        self._still = None if isinstance(picture, Frame) else encoded
        self._server.put(encoded)

    def write_error(self, picture: UnreadImage) -> None:
        """Nothing to show."""

    def keep_up(self) -> None:
        """Keep the last picture on the page until Ctrl-C; return at once if it was a frame or there was none."""
        if self._still is None:
            return
        log.info("all is done; the last picture stays at %s until Ctrl-C", self.address)
        try:
            while True:
                self._server.put(self._still)
                time.sleep(_AGAIN)
        except KeyboardInterrupt:
            print(file=sys.stderr)  # ends the line of the terminal's ^C

    def close(self) -> None:
        """Stop the server."""
        self._server.close()


def _small_enough(image: Image) -> Image:
    """The picture, shrunk if a side exceeds the limit of JPEG."""
    height, width = image.shape[:2]
    if (scale := _LONGEST_SIDE / max(height, width)) >= 1:
        return image
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
