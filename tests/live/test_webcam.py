from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mtcnn_lit.images import ImageError
from mtcnn_lit.inputs import WebcamInput
from mtcnn_lit.live import device as module
from mtcnn_lit.live.device import Camera
from mtcnn_lit.named_image import Frame
from tests.live.videos import number_of, write_video


def frames(source: WebcamInput) -> list[Frame]:
    return [frame for frame in source if isinstance(frame, Frame)]


def test_a_video_given_as_the_device_plays_at_its_own_rate_and_ends(tmp_path: Path) -> None:
    source = WebcamInput(str(write_video(tmp_path / "a.mkv", 31)))
    assert source.files == [tmp_path / "a.mkv"]
    begin = time.monotonic()
    played = frames(source)
    assert 0.9 < time.monotonic() - begin < 3  # 31 frames at 30 a second
    assert [number_of(frame.image) for frame in played] == [frame.number for frame in played]
    assert played[-1].number == 30
    assert {frame.name for frame in played} == {"a.mkv"}
    assert {frame.sound for frame in played} == {None}


def test_a_file_is_known_by_its_address_too(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", 1)
    assert [path.samefile(video) for path in WebcamInput(f"file://{video}").files] == [True]


def test_a_slow_taker_misses_frames_of_it(tmp_path: Path) -> None:
    numbers = []
    for frame in WebcamInput(str(write_video(tmp_path / "a.mkv", 31))):
        assert isinstance(frame, Frame)
        numbers.append(frame.number)
        time.sleep(0.2)
    assert len(numbers) < 10
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("device", ["77", 77, "rtsp://127.0.0.1:9/none"])
def test_no_camera_is_said_to_be_none(device: str | int) -> None:
    with pytest.raises(ImageError, match=rf"^no camera at {device}, or another program has it: set input\.device to"):
        WebcamInput(device)


def test_no_video_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^no video at .*none\.mp4: set input\.device to a camera's number"):
        WebcamInput(str(tmp_path / "none.mp4"))


HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=a\r\n\r\n"


@pytest.mark.parametrize("answer", [b"", HEAD])
def test_an_address_without_pictures_is_left_when_patience_ends(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        left = threads.submit(is_left, server, answer)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/stream.mjpg"
        with pytest.raises(ImageError, match=rf"^no camera at {address}.* wait longer with input\.patience=SECONDS$"):
            WebcamInput(address, patience=0.2)
        assert left.result()


def is_left(server: socket.socket, answer: bytes) -> bool:
    """Take a guest, give that answer and no more: whether the guest leaves before the host loses patience."""
    with server.accept()[0] as guest:
        guest.settimeout(10)
        guest.recv(4096)
        guest.sendall(answer)
        try:
            return guest.recv(4096) == b""
        except TimeoutError:
            return False


def test_patience_may_last_for_months(tmp_path: Path) -> None:
    frame = next(iter(WebcamInput(write_video(tmp_path / "a.mkv", 2).as_uri(), patience=1e7)))
    assert isinstance(frame, Frame)


@pytest.mark.parametrize(("name", "value"), [("width", 0), ("height", -1), ("patience", 0)])
def test_a_setting_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be above 0, not {value}$"):
        WebcamInput(0, **{name: value})  # type: ignore[arg-type]


class Driver:
    """OpenCV's side of a camera, which knows one size only."""

    rate = 0.0

    def __init__(self, device: int) -> None:
        self.device = device

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, what: int, value: float) -> bool:
        return False

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480, cv2.CAP_PROP_FPS: self.rate}[what]

    def read(self) -> tuple[bool, np.ndarray]:
        return True, np.full((480, 640, 3), (255, 0, 9), np.uint8)


def test_a_camera_says_when_it_gives_another_size(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "cv2", SimpleNamespace(**{**vars(cv2), "VideoCapture": Driver}))
    camera = Camera("0", 640, None, 10)
    assert caplog.text == ""
    Camera("0", 1280, 720, 10)
    assert "camera 0 gives frames of 640 x 480 px, the nearest to what was asked for" in caplog.text
    assert camera.rate == 30
    first, second = camera.read(), camera.read()
    assert first is not None
    assert second is not None
    assert (first[0], second[0]) == (0, 1)
    assert first[1][0, 0].tolist() == [9, 0, 255]  # RGB


@pytest.mark.parametrize(
    ("said", "taken"), [(25.0, 25), (59.94, 59.94), (0.0, 30), (-1.0, 30), (float("nan"), 30), (90000.0, 30)]
)
def test_what_a_camera_says_is_its_rate_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, said: float, taken: float
) -> None:
    monkeypatch.setattr(module, "cv2", SimpleNamespace(**{**vars(cv2), "VideoCapture": Driver}))
    monkeypatch.setattr(Driver, "rate", said)
    assert Camera("0", None, None, 10).rate == taken
