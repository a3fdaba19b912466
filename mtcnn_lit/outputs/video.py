"""``output=video``: the video with boxes drawn in."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from mtcnn_lit.detections import Detections
from mtcnn_lit.draw import draw
from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.named_image import Frame, NamedImage, UnreadImage
from mtcnn_lit.outputs.video_writer import VideoWriter, add_sound, check_format, ffmpeg, open_writer

log = logging.getLogger(__name__)

# Largest plausible steps between frame times, in seconds: forward, for a still picture; back, for frames out of order.
# A larger step means that the clock was reset (a broken file, a computer that slept). Taken literally, it would fill
# the video with hours of one picture, or drop all frames until the old time is reached.
_LONGEST_STAND = 600.0
_LONGEST_WAY_BACK = 1.0


class VideoOutput:
    """The video with detections drawn in, at its frame rate and with its sound; playable even if writing is cut off.

    Its duration follows the frames' times: with larger gaps than the rate's, the previous frame is repeated; with
    smaller ones, as in a video of variable rate, frames are dropped.

    Args:
        path: the file; its extension names the format.

    Raises:
        ImageError: when it can't be written at this path or in this format.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        check_format(self._path)
        self._writer: VideoWriter | None = None
        self._begin: Frame | None = None
        self._last: Image | None = None
        self._time = 0.0  # of the last frame
        self._leapt = 0.0  # seconds by which the frames' clock was reset
        self._written = 0

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Add one frame."""
        if not isinstance(picture, Frame):
            raise ImageError("output=video is for frames: take input=video or input=webcam, or output=images")
        image = draw(picture.image, detections)
        if self._writer is None or self._begin is None or self._last is None:
            size = image.shape[1], image.shape[0]
            self._writer, self._begin, self._last = open_writer(self._path, picture.rate, size), picture, image
            self._time = picture.time
        if image.shape != self._last.shape:  # a reopened camera may have another size
            size = self._last.shape[1], self._last.shape[0]
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        untimed = picture.time == self._time
        due = self._due(picture, self._begin)
        while self._written < due:
            self._add(self._writer, self._last)
        if self._written <= due or untimed:  # without times, all frames are kept
            self._add(self._writer, image)
        self._last = image

    def _due(self, picture: Frame, begin: Frame) -> int:
        """The number of frames before this one, by its time."""
        step, self._time = picture.time - self._time, picture.time
        if not -_LONGEST_WAY_BACK <= step <= _LONGEST_STAND:
            self._leapt += step - 1 / begin.rate
            log.warning("%s: the frames' times jump by %.0f s; the jump is left out of the video", picture.name, step)
        return round((picture.time - begin.time - self._leapt) * begin.rate)

    def _add(self, writer: VideoWriter, image: Image) -> None:
        writer.write(image)
        self._written += 1

    def write_error(self, picture: UnreadImage) -> None:
        """Nothing to add."""

    def close(self) -> None:
        """Finish the file, and add sound of the same duration."""
        if self._writer is None or self._begin is None:
            return
        self._writer.close()
        if self._begin.sound is None:
            return
        if ffmpeg() is None:
            log.warning("%s: sound, if the video has any, is not copied: install ffmpeg to have it", self._path)
        elif not add_sound(self._path, self._begin.sound, self._written / self._begin.rate):
            log.warning("%s has no sound: this format doesn't take it as it is, .mkv does", self._path)
