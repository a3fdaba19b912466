"""Keys do what they say; the window ends the run when it is closed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from mtcnn_lit.errors import UserError
from mtcnn_lit.images import read_image
from mtcnn_lit.live import window as module
from mtcnn_lit.live.window import Window
from mtcnn_lit.named_image import NamedImage
from mtcnn_lit.outputs import WindowOutput
from mtcnn_lit.outputs import window as output_module
from mtcnn_lit.outputs.base import Finished
from tests.live.watched import FOUND, PICTURE, Detector, PlainWindow, marked


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> PlainWindow:
    window = PlainWindow()
    monkeypatch.setattr(output_module, "Window", lambda: window)
    return window


@pytest.fixture
def output(window: PlainWindow, tmp_path: Path) -> WindowOutput:
    return WindowOutput(Detector(), str(tmp_path / "saved"))  # type: ignore[arg-type]


def press(window: PlainWindow, output: WindowOutput, keys: Iterable[str]) -> None:
    window.keys = list(keys)
    output.write(PICTURE, FOUND)


@pytest.mark.parametrize("key", ["q", "\x1b"])
def test_quitting_ends_the_run(window: PlainWindow, output: WindowOutput, key: str) -> None:
    press(window, output, "")
    with pytest.raises(Finished):
        press(window, output, key)


def test_closing_the_window_ends_the_run(window: PlainWindow, output: WindowOutput) -> None:
    window.closed = True
    with pytest.raises(Finished):
        press(window, output, "")


def test_a_paused_picture_stays_until_space_is_pressed_again(window: PlainWindow, output: WindowOutput) -> None:
    press(window, output, [" ", "", "", "", " "])
    before, *paused, after = window.shown
    assert len(paused) == 4
    assert all((image == paused[0]).all() for image in paused)
    assert (paused[0] != before).any()  # it says so
    assert (after == before).all()


def test_a_picture_that_is_no_frame_stays_until_space_is_pressed(window: PlainWindow, output: WindowOutput) -> None:
    window.keys = ["", "", " "]
    output.write(NamedImage("a.jpg", PICTURE.image), FOUND)
    assert len(window.shown) == 4


def test_quitting_while_paused_ends_the_run(window: PlainWindow, output: WindowOutput) -> None:
    with pytest.raises(Finished):
        press(window, output, [" ", "", "q"])


def test_scores_hide_and_show(window: PlainWindow, output: WindowOutput) -> None:
    press(window, output, "hh")
    shown, hidden, again = map(marked, window.shown)
    assert 0 < hidden < shown == again


def test_the_threshold_moves_up_and_down(window: PlainWindow, output: WindowOutput) -> None:
    press(window, output, "+++--")
    assert [marked(image) > 0 for image in window.shown] == [True, True, True, False, True, True]
    assert len({image.tobytes() for image in window.shown}) == 4  # the figures follow: .70 .75 .80 .85


def test_the_threshold_moves_without_shift_too(window: PlainWindow, output: WindowOutput) -> None:
    """On many keyboards + and _ need it."""
    press(window, output, "===_-")
    assert [marked(image) > 0 for image in window.shown] == [True, True, True, False, True, True]


def test_a_picture_is_saved_with_its_boxes_and_without_the_figures(
    window: PlainWindow, output: WindowOutput, tmp_path: Path
) -> None:
    press(window, output, "ss")
    first, second = sorted((tmp_path / "saved").iterdir())
    assert first.name.startswith("webcam.")
    assert first.name.endswith(".faces.png")
    saved = read_image(first)
    assert (saved == read_image(second)).all()
    assert (saved[:40] == PICTURE.image[:40]).all()
    assert marked(saved) > 0


def test_a_picture_that_can_not_be_saved_stops_nothing(
    window: PlainWindow, output: WindowOutput, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "saved").touch()
    press(window, output, "s")
    assert "can't write" in caplog.text


def test_without_a_screen_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "none")  # where there is a screen all the same
    with pytest.raises(UserError, match=r"^no screen to open a window on: take output=stream and look with"):
        Window()


def test_without_windows_in_opencv_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "import cv2; raise cv2.error('The function is not implemented. Rebuild the library with Windows, GTK+')"
    monkeypatch.setattr(module, "_TRY", told)
    with pytest.raises(UserError, match=r"^this OpenCV opens no windows: pip install .*, or take output=stream"):
        Window()


def test_the_window_is_tried_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a screen Qt would end this one."""
    tried = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        tried.append(command)
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(module.subprocess, "run", run)
    Window()
    assert "cv2.namedWindow" in tried[0][-1]
