"""What frames are captured from: cameras, and videos that play as if they were one."""

from __future__ import annotations

import logging
import math
import time
from typing import Protocol

import cv2

from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.live.video import Video, is_address, known_rate, rgb

log = logging.getLogger(__name__)

_REMEDY = "set input.device to a camera's number (0 is the first), its address, or a video file"
_USUAL_RATE = 30.0  # frames a second, where a camera names none
_LONGEST_WAIT = 2**31 - 1  # ms that OpenCV can be told to wait


class Device(Protocol):
    """Something that gives frames at its own pace.

    Attributes:
        name: what its frames are called.
        rate: frames a second, as it says.
        ends: whether no more frames mean its end; a camera without frames may come back.
    """

    name: str
    rate: float
    ends: bool

    def read(self) -> tuple[int, Image] | None:
        """Wait for the next frame and give its number, from 0 on, and its RGB pixels (H, W, 3); None without one."""

    def close(self) -> None:
        """Let go of it."""


def open_device(device: str, width: int | None, height: int | None, patience: float) -> Device:
    """A camera by its number or address, or a video file.

    Args:
        width, height: the frames that a camera is asked for, px; it gives what it can.
        patience: how long an address may take to answer with pictures, in seconds.

    Raises:
        ImageError: when it isn't there or can't be read.
    """
    if is_camera(device):
        return Camera(device, width, height, patience)
    return PlayedVideo(Video(device, _REMEDY))


def is_camera(device: str) -> bool:
    """Whether it is a camera's number or address rather than a video file."""
    return device.isdecimal() or is_address(device)


class Camera:
    """A camera on this machine or in the network."""

    name = "webcam"
    ends = False

    def __init__(self, device: str, width: int | None, height: int | None, patience: float) -> None:
        self._capture = cv2.VideoCapture(int(device)) if device.isdecimal() else _answering(device, patience)
        if not self._capture.isOpened():
            longer = "" if device.isdecimal() else ", or wait longer with input.patience=SECONDS"
            raise ImageError(f"no camera at {device}, or another program has it: {_REMEDY}{longer}")
        for what, size in ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height)):
            if size is not None:
                self._capture.set(what, size)
        self.rate = known_rate(self._capture) or _USUAL_RATE
        self._count = 0
        got = [round(self._capture.get(what)) for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
        if [width or got[0], height or got[1]] != got:
            log.warning("camera %s gives frames of %d x %d px, the nearest to what was asked for", device, *got)

    def read(self) -> tuple[int, Image] | None:
        """As `Device` says."""
        try:
            done, frame = self._capture.read()
        except cv2.error:
            return None
        if not done:
            return None
        self._count += 1
        return self._count - 1, rgb(frame)

    def close(self) -> None:
        """As `Device` says."""
        self._capture.release()


def _answering(address: str, patience: float) -> cv2.VideoCapture:
    """What is at an address, open if it answers in time; FFmpeg by itself would wait for 30 s."""
    wait = math.ceil(min(1000 * patience, _LONGEST_WAIT))
    return cv2.VideoCapture(address, cv2.CAP_ANY, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait])


class PlayedVideo:
    """A video that plays at its own rate: what isn't taken in time is missed, as with a camera."""

    ends = True

    def __init__(self, video: Video) -> None:
        self.name = video.name
        self.rate = video.rate
        self._video = video
        self._number = -1
        self._start: float | None = None

    def read(self) -> tuple[int, Image] | None:
        """As `Device` says."""
        if self._start is None:
            self._start = time.monotonic()
        while self._video.skip():
            self._number += 1
            ahead = self._start + self._number / self.rate - time.monotonic()
            if ahead < -1 / self.rate:
                continue  # its time has passed
            time.sleep(max(0.0, ahead))
            frame = self._video.decoded()
            if frame is not None:
                return self._number, frame[0]
        return None

    def close(self) -> None:
        """As `Device` says."""
        self._video.close()
