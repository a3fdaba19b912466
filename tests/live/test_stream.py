"""The page of output=stream shows the newest picture."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse

import cv2
import numpy as np
import pytest

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import ImageError
from mtcnn_lit.live.server import PictureServer
from mtcnn_lit.outputs import StreamOutput
from tests.live.watched import FOUND, PICTURE, Detector


@pytest.fixture
def server() -> Iterator[PictureServer]:
    server = PictureServer("127.0.0.1", 0)
    yield server
    server.close()


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


def test_the_page_shows_the_stream(server: PictureServer) -> None:
    page = get(server.address)
    assert page.headers.get_content_type() == "text/html"
    assert b'src="stream.mjpg"' in page.read()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(server.address + "other")


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


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", None), ("192.0.2.1", 0), ("127.0.0.1", 99999)])
def test_an_address_that_is_taken_or_none_is_named(server: PictureServer, host: str, port: int | None) -> None:
    taken = int(server.address.rstrip("/").rpartition(":")[2]) if port is None else port
    with pytest.raises(ImageError, match=rf"^can't serve on {host}:{taken}: .*set output\.stream\.port or output\.str"):
        StreamOutput(Detector(), host=host, port=taken)  # type: ignore[arg-type]
