"""Write videos that stay playable when writing is cut off: by FFmpeg, or by OpenCV if it is missing."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.live.video import ffmpeg_name, first_picture

# FFmpeg options by file extension. A fragmented mp4 plays without the index at its end.
_IN_FRAGMENTS = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"]
FORMATS = {".mkv": [], ".mp4": _IN_FRAGMENTS, ".mov": _IN_FRAGMENTS}
_FORMATS_OF_OPENCV = (".mkv",)

_KEY_EVERY = 2  # seconds between key frames: the most that is lost if FFmpeg is killed too


class VideoWriter(Protocol):
    """A video being written."""

    def write(self, image: Image) -> None:
        """Add a frame: uint8 RGB (H, W, 3), all of one size."""

    def close(self) -> None:
        """Finish the file.

        Raises:
            ImageError: when not all frames could be written.
        """


def ffmpeg() -> str | None:
    """The path of the program, if installed."""
    return shutil.which("ffmpeg")


def check_format(path: Path) -> None:
    """Check that a video can be written to this path and in this format.

    Raises:
        ImageError: when it can't.
    """
    known = tuple(FORMATS) if ffmpeg() else _FORMATS_OF_OPENCV
    if path.suffix.lower() not in known:
        why = ": without ffmpeg on this machine" if path.suffix.lower() in FORMATS else ""
        raise ImageError(f"can't write {path}{why}: set output.path to a file that ends in {' or '.join(known)}")
    existed = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        raise ImageError(f"can't write {path}: {error.strerror}; set output.path to a file") from error
    if not existed:
        path.unlink()


def open_writer(path: Path, rate: float, size: tuple[int, int]) -> VideoWriter:
    """Begin a video; odd sides are padded by a black row or column.

    Args:
        rate: frames a second.
        size: width and height of the frames, px.

    Raises:
        ImageError: when it can't be written.
    """
    program = ffmpeg()
    even = size[0] + size[0] % 2, size[1] + size[1] % 2
    return FfmpegWriter(program, path, rate, even) if program else OpenCvWriter(path, rate, even)


class FfmpegWriter:
    """Pipes frames to FFmpeg, which still finishes the file when this process is killed."""

    def __init__(self, program: str, path: Path, rate: float, size: tuple[int, int]) -> None:
        self._path = path
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        frames = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-framerate", ratio(rate)]
        codec = ["-pix_fmt", "yuv420p", "-g", str(max(1, round(_KEY_EVERY * rate)))]  # players need yuv420p
        self._process = subprocess.Popen(
            [*_quiet(program), *frames, "-i", "pipe:0", *codec, *FORMATS[path.suffix.lower()], ffmpeg_name(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C must reach only this process, which then closes the pipe
        )

    def write(self, image: Image) -> None:
        """As `VideoWriter` says."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(_even(image).tobytes())
        except OSError as error:
            self._process.wait()
            raise self._failed() from error

    def close(self) -> None:
        """As `VideoWriter` says."""
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin:  # a broken pipe: see the exit status
            pass
        try:
            if self._process.wait() != 0:
                raise self._failed()
        finally:
            self._errors.close()

    def _failed(self) -> ImageError:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return ImageError(f"can't write {self._path}: {lines[-1] if lines else 'ffmpeg ended'}")


class OpenCvWriter:
    """Writes frames by OpenCV, in MPEG-4: larger files, no sound."""

    def __init__(self, path: Path, rate: float, size: tuple[int, int]) -> None:
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        # MPEG-4 counts time in fractions of a second down to 1/65535: 66.667 a second would be too fine.
        self._writer = cv2.VideoWriter(ffmpeg_name(path), cv2.CAP_FFMPEG, codec, round(rate, 2), size)
        if not self._writer.isOpened():
            raise ImageError(f"can't write {path}: this OpenCV encodes no video; install ffmpeg")
        self._path = path
        self._written = 0

    def write(self, image: Image) -> None:
        """As `VideoWriter` says."""
        self._writer.write(cv2.cvtColor(_even(image), cv2.COLOR_RGB2BGR))
        self._written += 1

    def close(self) -> None:
        """As `VideoWriter` says; OpenCV does not report failed writes, so the frames in the file are counted."""
        self._writer.release()
        written = cv2.VideoCapture(ffmpeg_name(self._path), cv2.CAP_FFMPEG)
        there = sum(1 for _ in iter(written.grab, False))
        written.release()
        if there < self._written:
            raise ImageError(f"can't write {self._path}: it has {there} of {self._written} frames; is the disk full?")


def _even(image: Image) -> Image:
    """The frame padded to even sides, which H.264 and OpenCV's writer require."""
    height, width = image.shape[:2]
    return np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT), np.uint8)


def add_sound(path: Path, source: str, seconds: float) -> bool:
    """Copy the source's sound into a written video, up to its duration; False when that fails.

    Without sound in the source nothing changes. The file is replaced only by a complete one.
    """
    program = ffmpeg()
    assert program is not None
    whole = path.with_name(f".{path.stem}.with-sound{path.suffix}")
    inputs = _in_step(ffmpeg_name(path), ffmpeg_name(source))
    chosen = ["-map", "0:v", "-map", "1:a?", "-c", "copy", "-t", f"{seconds:.3f}"]
    try:
        done = subprocess.run(
            [*_quiet(program), *inputs, *chosen, ffmpeg_name(whole)], capture_output=True, check=False
        )
        if done.returncode == 0:
            whole.replace(path)
        return done.returncode == 0
    finally:
        whole.unlink(missing_ok=True)


def _in_step(*videos: str) -> list[str]:
    """FFmpeg options to align inputs at their first pictures; earlier sound is left out.

    By default FFmpeg aligns files at their first packet, picture or sound.
    """
    words = ["-copyts"]
    for video in videos:
        if (start := first_picture(video)) is None:
            return [word for each in videos for word in ("-i", each)]
        words += ["-itsoffset", f"{-start:.6f}", "-i", video]
    return [*words, "-copypriorss:a", "0"]


def ratio(rate: float) -> str:
    """A frame rate as its exact ratio, such as 30000/1001 for 29.97."""
    return str(Fraction(rate).limit_denominator(1001))


def _quiet(program: str) -> list[str]:
    return [program, "-nostdin", "-loglevel", "error", "-y"]
