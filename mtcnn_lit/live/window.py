"""A window of OpenCV."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2

from mtcnn_lit.errors import UserError
from mtcnn_lit.images import Image

_TITLE = "mtcnn-lit"
_LARGEST = 1280, 800  # px, the largest initial size; the picture scales with the window

# Without a screen Qt ends the process, which can't be caught: so a child process tries.
_TRY = f"import cv2; cv2.namedWindow({_TITLE!r}); cv2.destroyAllWindows()"


class Window:
    """Shows pictures; it opens with the first one.

    Raises:
        UserError: when no window can be opened here; the message says why, and what to do instead.
    """

    def __init__(self) -> None:
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # about fonts, which are not used
        trial = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, check=False)
        if b"not implemented" in trial.stderr:
            raise UserError(
                "this OpenCV opens no windows: pip install --force-reinstall --no-deps opencv-python, "
                "or take output=stream and look with a browser"
            )
        if trial.returncode != 0:
            raise UserError("no screen to open a window on: take output=stream and look with a browser")
        self._open = False

    def show(self, image: Image) -> None:
        """Show an RGB picture (H, W, 3) from the next `key` on."""
        if not self._open:
            self._open = True
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            height, width = image.shape[:2]
            scale = min(1.0, _LARGEST[0] / width, _LARGEST[1] / height)
            cv2.resizeWindow(_TITLE, round(scale * width), round(scale * height))
        cv2.imshow(_TITLE, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def key(self, wait: float) -> str:
        """The key pressed within ``wait`` seconds; empty without one. The window is updated only in this call."""
        code = cv2.waitKey(max(1, round(1000 * wait)))
        return chr(code & 0xFF) if code >= 0 else ""

    def is_closed(self) -> bool:
        """Whether the user has closed it."""
        return self._open and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1

    def close(self) -> None:
        """Close it."""
        if self._open and not self.is_closed():
            cv2.destroyWindow(_TITLE)
        self._open = False
