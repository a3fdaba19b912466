"""Small videos whose frames tell their number."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mtcnn_lit.images import Image
from mtcnn_lit.live.video import Video

SIZE = 64, 48
_STEP = 8  # grey levels between frames: more than compression moves them


def picture(number: int) -> Image:
    """Grey that tells the number, up to 31."""
    return np.full((SIZE[1], SIZE[0], 3), _STEP * (number % 32), np.uint8)


def number_of(image: Image) -> int:
    return round(float(image.mean()) / _STEP)


def write_video(path: Path, count: int, rate: float = 30) -> Path:
    """A video of `count` frames, written without need of ffmpeg."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), rate, SIZE)
    for number in range(count):
        writer.write(picture(number))
    writer.release()
    return path


def read_video(path: Path) -> list[Image]:
    video, images = Video(str(path), ""), []
    while (frame := video.read()) is not None:
        images.append(frame[0])
    video.close()
    return images
