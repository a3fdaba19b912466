"""Capture devices: cameras, and videos that are played like one."""

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
_USUAL_RATE = 30.0  # frames a second, if a camera reports none
_LONGEST_WAIT = 2**31 - 1  # ms, OpenCV's largest timeout


class Device(Protocol):
    """Something that gives frames at its own pace.

    Attributes:
        name: the name of its frames.
        rate: frames a second, as it reports.
        ends: whether it has ended when no frame comes; a camera may come back.
    """

    name: str
    rate: float
    ends: bool

    def read(self) -> tuple[int, Image] | None:
        """Wait for the next frame; its number, from 0, and its RGB pixels (H, W, 3), or None without one."""

    def close(self) -> None:
        """Release the device."""


def open_device(device: str, width: int | None, height: int | None, patience: float) -> Device:
    """A camera by its number or address, or a video file.

    Args:
        width, height: size of frames to request from a camera, px; it gives the nearest that it has.
        patience: how long to wait for pictures from an address, in seconds.

    Raises:
        ImageError: when it does not exist or can't be read.
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
    """A capture of an address, open if it answers in time; FFmpeg's default is 30 s."""
    wait = math.ceil(min(1000 * patience, _LONGEST_WAIT))
    return cv2.VideoCapture(address, cv2.CAP_ANY, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait])


class PlayedVideo:
    """A video played at its own rate: frames not read in time are missed, as with a camera."""

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
