"""The page of output=stream shows the newest picture."""

from __future__ import annotations

import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from mtcnn_lit.detections import Detections
from mtcnn_lit.errors import UserError
from mtcnn_lit.live.server import PictureServer
from mtcnn_lit.named_image import NamedImage
from mtcnn_lit.outputs import StreamOutput
from tests.live.watched import FOUND, PICTURE, Detector, get, next_picture


@pytest.fixture
def server() -> Iterator[PictureServer]:
    server = PictureServer("127.0.0.1", 0)
    yield server
    server.close()


def test_the_page_shows_the_stream(server: PictureServer) -> None:
    page = get(server.address)
    assert page.headers.get_content_type() == "text/html"
    assert page.headers["Cache-Control"] == "no-store"
    assert b'src="stream.mjpg"' in page.read()
    assert b'src="stream.mjpg"' in get(server.address + "?again=1").read()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(server.address + "other")


@pytest.mark.parametrize(("path", "kind"), [("", "text/html"), ("stream.mjpg", "multipart/x-mixed-replace")])
def test_who_asks_for_the_head_alone_gets_it(server: PictureServer, path: str, kind: str) -> None:
    answer = urllib.request.urlopen(urllib.request.Request(server.address + path, method="HEAD"), timeout=10)
    assert answer.headers.get_content_type() == kind
    assert answer.read() == b""


@pytest.mark.parametrize("said", [b"GET / HT", b"GET / HTTP/1.0\r\n\r\n", b"GET /stream.mjpg HTTP/1.0\r\n\r\n"])
def test_a_browser_that_leaves_in_the_middle_is_no_error(
    server: PictureServer, said: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    server.put(b"first")
    others = threading.active_count()
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", int(server.address.rstrip("/").rpartition(":")[2]))) as browser:
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset when it is closed
            browser.sendall(said)
    server.put(b"second")
    deadline = time.monotonic() + 10
    while threading.active_count() > others and time.monotonic() < deadline:
        server.put(b"next")
        time.sleep(0.05)
    assert capfd.readouterr().err == ""
    assert b"stream.mjpg" in get(server.address).read()


def test_an_error_of_our_own_is_shown(
    server: PictureServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "after", lambda _: 1 // 0)
    assert get(server.address + "stream.mjpg").read() == b""
    deadline = time.monotonic() + 10
    shown = ""
    while "ZeroDivisionError" not in shown and time.monotonic() < deadline:
        shown += capfd.readouterr().err
    assert "ZeroDivisionError" in shown


def test_a_slow_browser_gets_the_newest_picture(server: PictureServer) -> None:
    server.put(b"first")
    stream = get(server.address + "stream.mjpg")
    assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace; boundary=")
    assert next_picture(stream) == b"first"
    threading.Timer(0.2, server.put, [b"second"]).start()  # waited for
    assert next_picture(stream) == b"second"
    late = get(server.address + "stream.mjpg")
    assert next_picture(late) == b"second"


def test_a_stream_ends_with_the_run() -> None:
    server = PictureServer("127.0.0.1", 0)
    server.put(b"first")
    stream = get(server.address + "stream.mjpg")
    assert next_picture(stream) == b"first"
    server.close()
    assert stream.read() in (b"", b"\r\n")


def test_it_is_seen_on_this_machine_alone_unless_told_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    output = StreamOutput(Detector(), port=0)  # type: ignore[arg-type]
    output.close()
    assert output.address.startswith("http://127.0.0.1:")
    assert f"look at {output.address}" in caplog.text


def test_pictures_have_boxes_and_figures() -> None:
    output = StreamOutput(Detector(), port=0, quality=100)  # type: ignore[arg-type]
    stream = get(output.address + "stream.mjpg")
    for found in (FOUND, Detections.empty()):
        output.write(PICTURE, found)
        picture = cv2.imdecode(np.frombuffer(next_picture(stream), np.uint8), cv2.IMREAD_COLOR_RGB)
        assert picture.shape == PICTURE.image.shape
        assert picture[:30, :60].std() > 10  # the figures
        assert (picture[110:210, 90:190].std() > 10) == (len(found) > 0)
        assert picture[200:, 250:].std() < 1
    output.close()


def test_the_quality_of_pictures_is_as_asked_for() -> None:
    noise = NamedImage("a.png", np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))
    sizes = []
    for quality in (1, 20.0, 100):  # a configuration may say 20.0
        output = StreamOutput(Detector(), port=0, quality=quality)  # type: ignore[arg-type]
        stream = get(output.address + "stream.mjpg")
        output.write(noise, Detections.empty())
        sizes.append(len(next_picture(stream)))
        output.close()
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("quality", [0, 101, 85.5])
def test_a_quality_that_pictures_can_not_have(quality: Any) -> None:
    with pytest.raises(ValueError, match=rf"^quality must be a whole number from 1 to 100, not {quality}$"):
        StreamOutput(Detector(), port=0, quality=quality)  # type: ignore[arg-type]


def test_a_picture_that_is_no_frame_is_kept_up_until_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    output = StreamOutput(Detector(), port=0)  # type: ignore[arg-type]
    stream = get(output.address + "stream.mjpg")
    output.write(NamedImage("a.png", PICTURE.image), FOUND)
    seen = [next_picture(stream)]

    def look(_: float) -> None:
        seen.append(next_picture(stream))  # sent anew: Chrome shows a picture when the next one begins
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", look)
    output.keep_up()
    output.close()
    assert seen == [seen[0]] * 3
    assert caplog.messages[-1] == f"all is done; the last picture stays at {output.address} until Ctrl-C"


@pytest.mark.parametrize("pictures", [[], [NamedImage("a.png", PICTURE.image), PICTURE]])
def test_without_a_picture_and_after_a_frame_nothing_is_kept_up(
    pictures: list[NamedImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = StreamOutput(Detector(), port=0)  # type: ignore[arg-type]
    for picture in pictures:
        output.write(picture, FOUND)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
    output.keep_up()
    output.close()


@pytest.mark.parametrize(("height", "width", "shown"), [(8, 65501, (7, 65500)), (131000, 4, (65500, 2))])
def test_pictures_larger_than_jpeg_takes_are_shrunk(height: int, width: int, shown: tuple[int, int]) -> None:
    output = StreamOutput(Detector(), port=0)  # type: ignore[arg-type]
    stream = get(output.address + "stream.mjpg")
    output.write(NamedImage("a.png", np.full((height, width, 3), 90, np.uint8)), Detections.empty())
    picture = cv2.imdecode(np.frombuffer(next_picture(stream), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture.shape == (*shown, 3)
    output.close()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", None), ("192.0.2.1", 0), ("127.0.0.1", 99999)])
def test_an_address_that_is_taken_or_none_is_named(server: PictureServer, host: str, port: int | None) -> None:
    taken = int(server.address.rstrip("/").rpartition(":")[2]) if port is None else port
    with pytest.raises(UserError, match=rf"^can't serve on {host}:{taken}: .*set output\.stream\.port or output\.str"):
        StreamOutput(Detector(), host=host, port=taken)  # type: ignore[arg-type]
