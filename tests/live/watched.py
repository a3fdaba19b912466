"""What people watch in the tests: a picture, the face in it, a detector that finds it, a window and a page."""

from __future__ import annotations

import urllib.request
from http.client import HTTPResponse

import numpy as np
import torch

from mtcnn_lit.detections import Detections
from mtcnn_lit.draw import DETECTION
from mtcnn_lit.images import Image
from mtcnn_lit.named_image import Frame

PICTURE = Frame("webcam", np.full((240, 320, 3), 90, np.uint8), 7, 0.25, 30)
FOUND = Detections(torch.tensor([[100.0, 120, 180, 200]]), torch.tensor([0.8]))


class Detector:
    """Finds the face when the threshold lets it."""

    def __init__(self) -> None:
        self.threshold = 0.7
        self.times = {"P": 0.012, "R": 0.003, "O": 0.001}

    def detect(self, image: Image) -> Detections:
        return FOUND.select(FOUND.scores >= self.threshold)


class PlainWindow:
    """A window without a screen, at which somebody presses keys."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.shown: list[Image] = []
        self.closed = False

    def show(self, image: Image) -> None:
        self.shown.append(image)

    def key(self, wait: float) -> str:
        return self.keys.pop(0) if self.keys else ""

    def is_closed(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def marked(image: Image) -> int:
    """How many pixels have the colour of boxes and labels."""
    return int((image == DETECTION).all(axis=2).sum())


def get(address: str) -> HTTPResponse:
    return urllib.request.urlopen(address, timeout=10)  # type: ignore[no-any-return]


def next_picture(stream: HTTPResponse) -> bytes:
    """The next picture of a motion JPEG."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = stream.read(1)
        assert part, "the stream has ended"
        head += part
    length = int(head.partition(b"Content-Length: ")[2].split()[0])
    return stream.read(length)
