"""Video files and addresses, read frame by frame."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from mtcnn_lit.images import Image, ImageError

log = logging.getLogger(__name__)

_USUAL_RATE = 25.0  # frames a second, if a video reports none
_TICKS = 1000  # a second: such a rate is that of a clock
_MOST_BROKEN = 300  # consecutive broken frames that are skipped before a file counts as ended


class Video:
    """A video that is open.

    Attributes:
        name: the file's name; of an address, its last part.
        rate: frames a second.
        count: the number of frames that the video reports; None without one.

    Raises:
        ImageError: when it can't be read; the message ends with the remedy.
    """

    def __init__(self, path: str, remedy: str) -> None:
        if not is_address(path) and not Path(path).is_file():
            raise ImageError(f"no video at {path}: {remedy}")
        # FFmpeg only: other backends take a `%` in the name for a pattern.
        self._capture = cv2.VideoCapture(ffmpeg_name(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise ImageError(f"can't read {path}: not a video, or a broken one; {remedy}")
        self.name = Path(urlsplit(path).path if is_address(path) else path).name or "video"
        self.rate = self._rate()
        # With an address, each attempt would wait.
        self._attempts = 1 if is_address(path) else 1 + _MOST_BROKEN
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.count = round(count) if 0 < count < math.inf else None

    def _rate(self) -> float:
        if (rate := known_rate(self._capture)) is not None:
            return rate
        log.warning("%s names no frame rate: %g frames a second are taken for it", self.name, _USUAL_RATE)
        return _USUAL_RATE

    def read(self) -> tuple[Image, float] | None:
        """The next frame, RGB (H, W, 3), and its time in seconds; None at the end."""
        return self.decoded() if self.skip() else None

    def skip(self) -> bool:
        """Go to the next frame that can be decoded; False at the end."""
        return any(self._capture.grab() for _ in range(self._attempts))  # broken frames and the end look the same

    def decoded(self) -> tuple[Image, float] | None:
        """The current frame as `read` returns it; None when it is broken."""
        done, frame = self._capture.retrieve()
        if not done:
            return None
        return rgb(frame), max(0.0, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


def known_rate(capture: cv2.VideoCapture) -> float | None:
    """Frames a second of a video or camera; None if it reports none, or a clock's ticks such as 90,000."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate < _TICKS else None


def first_picture(path: str) -> float | None:
    """The time of a video's first picture, in seconds of the file's own clock; None if unknown.

    Args:
        path: as by `ffmpeg_name`.
    """
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    try:
        rate = known_rate(capture)
        return capture.get(cv2.CAP_PROP_PTS) / rate if rate and capture.grab() else None  # OpenCV counts it in frames
    finally:
        capture.release()


def is_address(path: str) -> bool:
    """Whether it is an address such as ``rtsp://…`` rather than a file."""
    return "://" in path


def ffmpeg_name(path: str | Path) -> str:
    """A path or an address as FFmpeg takes it: in a name without ``file:`` a colon would be that of a protocol."""
    return str(path) if is_address(str(path)) else f"file:{path}"


def local_files(path: str) -> list[Path]:
    """The file at a path or an address ``file://…``, as a list of one; no file for other addresses."""
    if path.startswith("file://"):
        return [Path(path.removeprefix("file:"))]  # FFmpeg decodes no %20
    return [] if is_address(path) else [Path(path)]


def rgb(frame: cv2.typing.MatLike) -> Image:
    """A frame as OpenCV reads it, as RGB."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8)
