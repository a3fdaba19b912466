"""A small web server: one page with a moving picture."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mtcnn_lit.errors import UserError

_BOUNDARY = "frame"
_PAGE = b"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>mtcnn-lit</title>
<style>
  body { margin: 0; background: #282a30; color: #ebebeb }
  img { display: block; width: 100vw; height: 100vh; object-fit: contain }
</style>
<img src="stream.mjpg" alt="waiting for the first picture">
</html>
"""


class PictureServer:
    """Serves the newest picture as a page at ``/`` and as motion JPEG at ``/stream.mjpg``.

    Args:
        host: the address to listen on; 127.0.0.1 is visible only on this machine.
        port: 0 takes a free one.

    Attributes:
        address: of the page.

    Raises:
        UserError: when it can't listen there.
    """

    def __init__(self, host: str, port: int) -> None:
        self._changed = threading.Condition()
        self._picture = b""
        self._number = 0
        self._ended = False
        try:
            self._server = _Server((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(
                f"can't serve on {host}:{port}: {reason}; set output.stream.port or output.stream.host"
            ) from error
        self._server.pictures = self
        self.address = f"http://{host}:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def put(self, picture: bytes) -> None:
        """Set the newest picture, JPEG bytes."""
        with self._changed:
            self._picture = picture
            self._number += 1
            self._changed.notify_all()

    def after(self, number: int) -> tuple[int, bytes] | None:
        """Wait for a picture newer than ``number``; the newest one with its number, or None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or self._ended)
            return None if self._ended else (self._number, self._picture)

    def close(self) -> None:
        """End all streams and stop."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    pictures: PictureServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore disconnects of the browser."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # seconds to wait for a browser to take a picture

    def do_GET(self) -> None:
        wanted = self.command == "GET"  # HEAD wants no body
        path = self.path.partition("?")[0]
        if path == "/":
            self._begin("text/html; charset=utf-8", len(_PAGE))
            if wanted:
                self.wfile.write(_PAGE)
        elif path == "/stream.mjpg":
            self._begin(f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            if wanted:
                self._stream()
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the name that the base class looks for

    def _stream(self) -> None:
        newest = self.server.pictures.after(0)
        while newest is not None:
            number, picture = newest
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n")
            newest = self.server.pictures.after(number)

    def _begin(self, kind: str, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Don't log requests."""
