"""Capture in a separate thread that keeps only the newest frame, so that slow detection adds no delay."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.live.device import Device

log = logging.getLogger(__name__)

_TELL_AFTER = 2.0  # seconds without a frame until a warning
_TRY_AGAIN = 0.5  # seconds between attempts to reopen a lost camera


class Captured(NamedTuple):
    """A frame with its number and time, in seconds since the first one."""

    number: int
    time: float
    image: Image


class Capture:
    """Reads a device inside a ``with`` block.

    Args:
        make_device: opens the device; called again when a camera was lost.
        patience: how long to wait for a camera that gives nothing, in seconds.

    Raises:
        ImageError: when there is no such device.
    """

    def __init__(self, make_device: Callable[[], Device], patience: float) -> None:
        self._make_device = make_device
        self._patience = patience
        self._device = make_device()
        self.name, self.rate = self._device.name, self._device.rate
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._newest: Captured | None = None
        self._ended = False
        self._failure: Exception | None = None
        # A daemon, so that a read that hangs does not block exit.
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=2)

    def newest(self) -> Captured | None:
        """Wait for a frame that was not returned before, and return the newest; None after the last one.

        Raises:
            ImageError: when a camera has given no frame for too long.
        """
        with self._changed:
            if not self._changed.wait_for(self._has_news, min(_TELL_AFTER, self._patience)):
                log.warning("no picture from %s: waiting %g s for it", self.name, self._patience)
                more = min(self._patience - _TELL_AFTER, threading.TIMEOUT_MAX)
                if not self._changed.wait_for(self._has_news, max(0.0, more)):
                    raise ImageError(
                        f"{self.name} has given no picture for {self._patience:g} s: check its cable or network, "
                        "or wait longer with input.patience=SECONDS"
                    )
                log.info("%s is back", self.name)
            taken, self._newest = self._newest, None
            if taken is None and self._failure is not None:
                raise self._failure
            return taken

    def _has_news(self) -> bool:
        return self._newest is not None or self._ended

    def _run(self) -> None:
        first: float | None = None
        start = 0  # added to the device's frame numbers, which restart when it is reopened
        last = -1
        try:
            while not self._stop.is_set():
                frame = self._device.read()
                if frame is None:
                    if self._device.ends or not self._open_again():
                        return
                    start = last + 1
                    continue
                now = time.monotonic()
                first = now if first is None else first
                last = start + frame[0]
                with self._changed:
                    self._newest = Captured(last, now - first, frame[1])
                    self._changed.notify_all()
        except Exception as error:  # raised in `newest`, for the thread that waits
            self._failure = error
        finally:
            self._device.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _open_again(self) -> bool:
        """Retry until the camera is back; False when capture is stopped."""
        self._device.close()
        while not self._stop.wait(_TRY_AGAIN):
            try:
                self._device = self._make_device()
            except ImageError:
                continue
            return True
        return False
