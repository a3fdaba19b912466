"""``input=webcam``: the newest frame of a camera, repeatedly."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mtcnn_lit.live.capture import Capture
from mtcnn_lit.live.device import open_device
from mtcnn_lit.live.video import local_files
from mtcnn_lit.named_image import Frame, NamedImage, UnreadImage


class WebcamInput:
    """The newest frame of a camera at each request; frames in between are skipped.

    Args:
        device: the camera's number or address; or a video file, which plays at its own rate as if it were a camera.
        width, height: size of frames to request from a camera, px; unset, the camera's default.
        patience: how long to wait for a camera that gives no pictures, in seconds.

    Raises:
        ImageError: when there is no such camera; in the loop, when it gives no frame for too long.
        ValueError: when a size or the patience is not above 0.
    """

    def __init__(
        self, device: str | int = 0, width: int | None = None, height: int | None = None, patience: float = 10
    ) -> None:
        for name, value in (("width", width), ("height", height), ("patience", patience)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, not {value}")
        self.files = [] if str(device).isdecimal() else local_files(str(device))
        self._capture = Capture(partial(open_device, str(device), width, height, patience), patience)

    def __iter__(self) -> Iterator[NamedImage | UnreadImage]:
        with self._capture as capture:
            while (taken := capture.newest()) is not None:
                yield Frame(capture.name, taken.image, taken.number, taken.time, capture.rate)
