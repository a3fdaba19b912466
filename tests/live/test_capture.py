"""Capture hands over the newest frame, waits for a camera that has gone, and says so when it stays away."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.live import capture as module
from mtcnn_lit.live.capture import Capture
from mtcnn_lit.live.pace import paced

PICTURE = np.zeros((2, 2, 3), np.uint8)


class Fed:
    """A device that gives what the test puts into it; None means that nothing comes."""

    name, rate = "webcam", 30.0

    def __init__(self, ends: bool = False) -> None:
        self.ends = ends
        self.frames: queue.Queue[tuple[int, Image] | None] = queue.Queue()
        self.asked = threading.Semaphore(0)  # released at each request: what was put in before has been taken
        self.closed = threading.Event()

    def read(self) -> tuple[int, Image] | None:
        self.asked.release()
        return self.frames.get(timeout=10)

    def feed(self, *numbers: int | None) -> None:
        """Put frames in and return when all are read."""
        assert self.asked.acquire(timeout=10)
        for number in numbers:
            self.frames.put(None if number is None else (number, PICTURE))
            if number is not None:
                assert self.asked.acquire(timeout=10)
        self.asked.release()

    def close(self) -> None:
        self.closed.set()


class Clocked:
    """A camera of 30 frames a second whose frames know when they were taken."""

    name, rate, ends = "webcam", 30.0, False

    def __init__(self) -> None:
        self.taken: list[float] = []

    def read(self) -> tuple[int, Image] | None:
        time.sleep(1 / self.rate)
        self.taken.append(time.monotonic())
        return len(self.taken) - 1, PICTURE

    def close(self) -> None:
        pass


def numbers_of(capture: Capture) -> Iterator[int]:
    while (frame := capture.newest()) is not None:
        yield frame.number


def test_the_newest_frame_is_handed_over_and_none_twice() -> None:
    device = Fed(ends=True)
    with Capture(lambda: device, patience=10) as capture:
        device.feed(0, 1, 2)
        assert capture.newest().number == 2  # type: ignore[union-attr]
        device.feed(3, 4)
        device.frames.put(None)
        assert list(numbers_of(capture)) == [4]
    assert device.closed.is_set()


def test_times_are_seconds_since_the_first_frame() -> None:
    device = Fed()
    with Capture(lambda: device, patience=10) as capture:
        device.feed(0)
        first = capture.newest()
        time.sleep(0.1)
        device.feed(1)
        second = capture.newest()
        device.ends = True
        device.frames.put(None)
    assert first is not None
    assert second is not None
    assert first.time == 0
    assert 0.1 <= second.time < 5


@pytest.mark.parametrize("patience", [10, math.inf])
def test_a_camera_that_comes_back_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, patience: float
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "_TRY_AGAIN", 0.01)
    monkeypatch.setattr(module, "_TELL_AFTER", 0.05)
    first, second = Fed(), Fed()
    there = threading.Event()

    def open_device() -> Fed:
        if not first.closed.is_set():
            return first
        if not there.is_set():
            raise ImageError("no camera")
        return second

    with Capture(open_device, patience) as capture:
        first.feed(0, 1)
        assert capture.newest().number == 1  # type: ignore[union-attr]
        first.feed(None)
        threading.Timer(0.2, there.set).start()
        second.frames.put((0, PICTURE))
        assert capture.newest().number == 2  # type: ignore[union-attr]
        second.frames.put(None)
    assert [record.message for record in caplog.records] == [
        f"no picture from webcam: waiting {patience} s for it",
        "webcam is back",
    ]


def test_a_camera_that_stays_away_is_said_to_be_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRY_AGAIN", 0.01)
    device = Fed()
    with Capture(lambda: device, patience=0.1) as capture:
        device.feed(0)
        assert capture.newest() is not None
        with pytest.raises(ImageError, match=r"^webcam has given no picture for 0\.1 s: .*input\.patience=SECONDS$"):
            capture.newest()
        device.frames.put(None)


def test_a_failure_in_the_thread_reaches_the_one_who_waits() -> None:
    class Broken(Clocked):
        def read(self) -> tuple[int, Image] | None:
            raise RuntimeError("of the driver")

    with Capture(Broken, patience=10) as capture, pytest.raises(RuntimeError, match="of the driver"):
        capture.newest()


def processed(capture: Capture, fps: float | None, detect: Callable[[], None], seconds: float) -> Iterator[int]:
    """The frames that are shown in so many seconds, each when it is."""
    end = time.monotonic() + seconds
    for number in paced(numbers_of(capture), fps):
        detect()
        if time.monotonic() > end:
            return
        yield number


def test_slow_detection_builds_up_no_delay() -> None:
    """Detection takes 200 ms: a frame is 200 ms old when it is shown, and what it waited for detection to be free."""
    camera = Clocked()
    with Capture(lambda: camera, patience=10) as capture:
        shown = processed(capture, 30, lambda: time.sleep(0.2), 3)
        ages = [time.monotonic() - camera.taken[number] for number in shown]
    assert len(ages) > 8
    assert max(ages) < 0.4


def test_so_many_frames_are_processed_a_second_as_fps_says() -> None:
    camera = Clocked()
    with Capture(lambda: camera, patience=10) as capture:
        assert len(list(processed(capture, 10, lambda: None, 3))) == pytest.approx(30, abs=4)
