from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from mtcnn_lit.images import ImageError
from mtcnn_lit.inputs import VideoInput, WebcamInput
from mtcnn_lit.live.video import Video
from mtcnn_lit.named_image import Frame
from tests.live.videos import number_of, write_video


@pytest.mark.parametrize("name", ["2024-01-05T12:30:00.mkv", "data:a.mkv"])
def test_a_colon_in_a_name_is_not_that_of_a_protocol(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(tmp_path / name, 3)
    monkeypatch.chdir(tmp_path)
    frames = [frame for frame in VideoInput(name) if isinstance(frame, Frame)]
    assert [(frame.name, frame.sound) for frame in frames] == [(name, name)] * 3
    with WebcamInput(name)._capture as capture:
        assert (capture.name, capture.newest() is None) == (name, False)


def test_every_frame_comes_in_order_with_its_number_and_time(tmp_path: Path) -> None:
    source = VideoInput(str(write_video(tmp_path / "a 100%d.mkv", 20, rate=25)))
    assert len(source) == 20
    assert source.files == [tmp_path / "a 100%d.mkv"]
    for _ in range(2):  # a second time too
        frames = [frame for frame in source if isinstance(frame, Frame)]
        assert [number_of(frame.image) for frame in frames] == list(range(20))
        assert [frame.position() for frame in frames] == [{"frame": n, "time": n / 25} for n in range(20)]
    assert {(frame.name, frame.rate, frame.sound) for frame in frames} == {
        ("a 100%d.mkv", 25.0, str(tmp_path / "a 100%d.mkv"))
    }
    assert frames[3].file_name == "a 100%d.mkv.frame-000003"


def test_what_is_left_of_a_broken_video_is_read_and_said_to_be_short(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write_video(tmp_path / "a.mkv", 30).read_bytes()
    (tmp_path / "a.mkv").write_bytes(whole[: len(whole) // 2])
    source = VideoInput(str(tmp_path / "a.mkv"))
    count = len(list(source))
    assert 0 < count < 30
    assert f"a.mkv ended after {count} of the 30 frames that it announces" in caplog.text


@pytest.mark.parametrize("broken", [1, 8])
def test_broken_frames_in_the_middle_are_passed_over(tmp_path: Path, broken: int) -> None:
    video = write_video(tmp_path / "a.mp4", 30)
    content = video.read_bytes()
    starts = [found.start() for found in re.finditer(b"\x00\x00\x01\xb6", content)]  # of frames in MPEG-4
    first, last = starts[13], starts[13 + broken]
    video.write_bytes(content[:first] + b"\xff" * (last - first) + content[last:])
    times = [frame.time for frame in VideoInput(str(video)) if isinstance(frame, Frame)]
    kept = [number for number in range(30) if not 13 <= number < 13 + broken]
    assert times == pytest.approx([number / 30 for number in kept])


@pytest.mark.parametrize("name", ["text.mp4", "empty.mkv", "folder", "none.mp4"])
def test_no_video_is_said_to_be_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mkv").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError, match=rf"{name}.*set input\.path to a video file or its address$"):
        VideoInput(str(tmp_path / name))


class Claims:
    """A capture that says of its video what it is told to."""

    def __init__(self, rate: float, count: float) -> None:
        self.said = {cv2.CAP_PROP_FPS: rate, cv2.CAP_PROP_FRAME_COUNT: count}

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def get(self, what: int) -> float:
        return self.said[what]


@pytest.mark.parametrize(
    ("said", "rate"),
    [(29.97, 29.97), (240.0, 240.0), (0.0, 25.0), (90_000.0, 25.0), (float("nan"), 25.0)],  # some give a clock's ticks
)
def test_a_rate_that_can_not_be_is_25_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, said: float, rate: float
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Claims(said, 10))
    assert Video("rtsp://camera/one", "").rate == rate
    assert caplog.messages == ["one names no frame rate: 25 frames a second are taken for it"] * (rate == 25)


@pytest.mark.parametrize(("said", "count"), [(10.0, 10), (0.0, None), (-2.0, None), (float("inf"), None)])
def test_a_number_of_frames_that_can_not_be_is_none(
    monkeypatch: pytest.MonkeyPatch, said: float, count: int | None
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Claims(30, said))
    assert Video("rtsp://camera/one", "").count == count


@pytest.mark.parametrize(
    ("address", "name"), [("rtsp://camera/live/one?key=1", "one"), ("rtsp://camera", "video"), ("http://a/b/", "b")]
)
def test_what_an_address_gives_is_called_by_its_last_part(
    monkeypatch: pytest.MonkeyPatch, address: str, name: str
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Claims(30, 10))
    assert Video(address, "").name == name


def test_an_address_where_nothing_is_is_named() -> None:
    with pytest.raises(ImageError, match=r"^can't read http://127\.0\.0\.1:9/a\.mp4\?key=1: not a video"):
        Video("http://127.0.0.1:9/a.mp4?key=1", "")  # nobody listens there
