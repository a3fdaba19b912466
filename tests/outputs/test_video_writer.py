"""Videos that are written: they play wherever writing ends, and have the sound of their source."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import ImageError
from mtcnn_lit.inputs import VideoInput
from mtcnn_lit.live.video import Video
from mtcnn_lit.named_image import Frame, NamedImage
from mtcnn_lit.outputs import VideoOutput
from mtcnn_lit.outputs import video_writer as module
from mtcnn_lit.outputs.video_writer import FfmpegWriter, OpenCvWriter, open_writer, ratio
from tests.live.videos import SIZE, number_of, picture, read_video, write_video

ROOT = Path(__file__).parents[2]
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")

# Writes frames until it is killed, and says when it has written many.
WRITES = """
import sys
from itertools import count
from pathlib import Path
import numpy as np
from mtcnn_lit.outputs.video_writer import open_writer
noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
writer = open_writer(Path(sys.argv[1]), 30, (320, 240))
for number in count():
    writer.write(noise)
    if number == 300:
        print("many", flush=True)
"""

# Writes frames where no file may grow beyond 100,000 bytes: writing fails then, as on a full disk.
FILLS = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from mtcnn_lit.images import ImageError
from mtcnn_lit.outputs.video_writer import OpenCvWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
writer = OpenCvWriter(Path(sys.argv[1]), 30, (320, 240))
for number in range(50):
    writer.write(noise)
try:
    writer.close()
except ImageError as error:
    print(error)
"""


@pytest.fixture
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda _: None)


def frame(number: int, sound: str | None = None, rate: float = 30) -> Frame:
    return Frame("a.mp4", picture(number), number, number / rate, rate, sound)


def pieces_of(path: Path, kind: str) -> tuple[str, list[float]]:
    """The codec of a video's sound (a) or picture (v), and when its pieces begin, in seconds of the file's clock."""
    command = ["ffmpeg", "-v", "error", "-copyts", "-i", path, "-map", f"0:{kind}", "-c", "copy", "-f", "framecrc", "-"]
    printed = subprocess.check_output(command, text=True)
    codec, second = re.search(r"codec_id 0: (\w+)", printed), re.search(r"tb 0: 1/(\d+)", printed)
    assert codec is not None
    assert second is not None
    times = re.findall(r"^0,\s*-?\d+,\s*(-?\d+),", printed, re.MULTILINE)
    return codec[1], sorted(int(each) / int(second[1]) for each in times)


def first_heard(path: Path) -> float:
    """When a video's sound begins to be heard, in seconds of the file's clock."""
    form = ["-map", "0:a", "-f", "s16le", "-ac", "1", "-ar", "1000", "-"]
    command = ["ffmpeg", "-v", "error", "-i", path, *form]
    loud = np.abs(np.frombuffer(subprocess.check_output(command), np.int16)) > 3000
    return pieces_of(path, "a")[1][0] + float(np.argmax(loud)) / 1000


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a: b.mkv", "a.mp4", "a.mov"])
@pytest.mark.parametrize("rate", [30, 30000 / 1001])
def test_ffmpeg_writes_all_frames_at_their_rate(tmp_path: Path, name: str, rate: float) -> None:
    made = open_writer(tmp_path / name, rate, SIZE)
    assert isinstance(made, FfmpegWriter)
    for number in range(20):
        made.write(picture(number))
    made.close()
    assert [number_of(image) for image in read_video(tmp_path / name)] == list(range(20))
    assert Video(str(tmp_path / name), "").rate == pytest.approx(rate, abs=0.01)


@pytest.mark.usefixtures("no_ffmpeg")
def test_a_colon_in_a_name_is_not_that_of_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writer = open_writer(Path("2024-01-05T12:30:00.mkv"), 30, SIZE)
    writer.write(picture(1))
    writer.close()
    assert len(read_video(tmp_path / "2024-01-05T12:30:00.mkv")) == 1


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_opencv_writes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(open_writer(tmp_path / "b.mkv", 30, SIZE), OpenCvWriter)
    output = VideoOutput(str(tmp_path / "a.mkv"))
    for number in range(20):
        output.write(frame(number, sound="a.mp4"), Detections.empty())
    output.close()
    assert [number_of(image) for image in read_video(tmp_path / "a.mkv")] == list(range(20))
    assert caplog.messages == [
        f"{tmp_path}/a.mkv: sound, if the video has any, is not copied: install ffmpeg to have it"
    ]
    with pytest.raises(ImageError, match=r"a\.mp4: without ffmpeg on this machine: set output\.path .* in \.mkv$"):
        VideoOutput(str(tmp_path / "a.mp4"))


@pytest.mark.parametrize("kind", [pytest.param(FfmpegWriter, marks=needs_ffmpeg), OpenCvWriter])
def test_frames_of_odd_size_get_a_black_row_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FfmpegWriter] | type[OpenCvWriter]
) -> None:
    if kind is OpenCvWriter:
        monkeypatch.setattr(module.shutil, "which", lambda _: None)
    made = open_writer(tmp_path / "a.mkv", 30, (63, 47))
    assert isinstance(made, kind)
    for _ in range(3):
        made.write(np.full((47, 63, 3), 200, np.uint8))
    made.close()
    shown = read_video(tmp_path / "a.mkv")
    assert [image.shape for image in shown] == [(48, 64, 3)] * 3
    assert shown[0][:40, :56].mean() == pytest.approx(200, abs=5)
    assert shown[0][-1].mean() < 60
    assert shown[0][:, -1].mean() < 60


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_what_was_written_before_a_kill_plays_by_ffmpeg(tmp_path: Path, name: str) -> None:
    assert killed_in_the_middle(tmp_path / name, 300) >= 300


def test_what_was_written_before_a_kill_plays_by_opencv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert killed_in_the_middle(tmp_path / "a.mkv", 250) >= 250  # the last ones wait in a buffer


def killed_in_the_middle(path: Path, least: int) -> int:
    """How many frames can be read of a video whose writer was killed after 300, once there are so many."""
    process = subprocess.Popen([sys.executable, "-c", WRITES, path], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"many\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    for _ in range(100):  # ffmpeg finishes the file
        time.sleep(0.1)
        try:
            count = len(read_video(path))
        except ImageError:
            continue
        if count >= least:
            break
    return count


@needs_ffmpeg
@pytest.mark.parametrize("name", ["found.mkv", "found.mp4"])
def test_the_sound_is_copied_as_far_as_the_pictures_go(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source.mp4"
    sine = ["-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac"]
    silent = write_video(tmp_path / "silent.mkv", 90)
    subprocess.run(["ffmpeg", "-v", "error", "-i", silent, *sine, source], check=True)
    output = VideoOutput(str(tmp_path / name))
    for number in range(30):
        output.write(frame(number, sound=str(source)), Detections.empty())
    output.close()
    assert len(read_video(tmp_path / name)) == 30
    codec, times = pieces_of(tmp_path / name, "a")
    assert (codec, times[-1]) == ("aac", pytest.approx(1, abs=0.1))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "silent.mkv", "source.mp4"])


@needs_ffmpeg
@pytest.mark.parametrize(("late", "heard"), [("picture", 0.8), ("sound", 3.2)])
@pytest.mark.parametrize(
    ("source", "name"), [("source.mkv", "a.mkv"), ("source.mp4", "a.mp4"), ("source.ts", "a.mp4")]
)  # the clock of .ts begins at 1.4 s
def test_the_sound_stays_in_step_where_picture_or_sound_begins_later(
    tmp_path: Path, late: str, heard: float, source: str, name: str
) -> None:
    """The sound has a tone from 2 s on; the picture begins 1.2 s later than the sound, or the other way round."""
    tone = ["-f", "lavfi", "-i", "aevalsrc=gte(t\\,2)*sin(2000*t):d=3"]
    video = ["-i", str(write_video(tmp_path / "silent.mkv", 120))]
    first, second = (tone, video) if late == "picture" else (video, tone)
    codecs = ["-c:v", "libx264", "-c:a", "aac"]
    command = ["ffmpeg", "-v", "error", *first, "-itsoffset", "1.2", *second, *codecs, tmp_path / source]
    subprocess.run(command, check=True)
    output = VideoOutput(str(tmp_path / name))
    for each in VideoInput(str(tmp_path / source)):
        assert isinstance(each, Frame)
        output.write(each, Detections.empty())
    output.close()
    began = pieces_of(tmp_path / name, "v")[1][0]
    assert first_heard(tmp_path / name) - began == pytest.approx(heard, abs=0.06)


@needs_ffmpeg
def test_a_source_without_sound_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    output = VideoOutput(str(tmp_path / "found.mkv"))
    for number in range(10):
        output.write(frame(number, sound=str(write_video(tmp_path / "a.mkv", 10))), Detections.empty())
    output.close()
    assert len(read_video(tmp_path / "found.mkv")) == 10
    assert caplog.text == ""


def test_the_frame_before_is_repeated_where_one_is_late(tmp_path: Path) -> None:
    output = VideoOutput(str(tmp_path / "a.mkv"))
    for number in (5, 6, 9):
        output.write(frame(number), Detections.empty())
    output.close()
    assert [number_of(image) for image in read_video(tmp_path / "a.mkv")] == [5, 6, 6, 6, 9]


def test_a_slide_stands_as_long_as_it_did(tmp_path: Path) -> None:
    assert numbers_written(tmp_path / "a.mkv", [0, 1, 301], 1) == [0, *[1] * 300, 2]


def numbers_written(path: Path, times: Iterable[float], rate: float) -> list[int]:
    """The numbers of the frames in a video that is made of frames of these times."""
    output = VideoOutput(str(path))
    for number, seconds in enumerate(times):
        output.write(Frame("a.mp4", picture(number), number, seconds, rate), Detections.empty())
    output.close()
    return [number_of(image) for image in read_video(path)]


def test_a_video_of_more_frames_than_its_rate_says_takes_as_long_as_they_did(tmp_path: Path) -> None:
    written = numbers_written(tmp_path / "a.mkv", [number / 60 for number in range(30)], 30)
    assert len(written) == pytest.approx(15, abs=1)
    assert written == sorted(set(written))


def test_frames_of_a_varying_rate_are_shown_when_they_were_taken(tmp_path: Path) -> None:
    """Half a second of 10 frames a second, and one of 40: 25 a second on average."""
    times = [number / 10 for number in range(5)] + [0.5 + number / 40 for number in range(20)]
    written = numbers_written(tmp_path / "a.mkv", times, 25)
    assert len(written) == pytest.approx(25, abs=1)
    shown = [written.index(number) / 25 for number in range(5)]
    assert shown == pytest.approx(times[:5], abs=0.021)
    assert all(abs(times[number] - place / 25) < 0.05 for place, number in enumerate(written) if number >= 5)


def test_times_in_whole_milliseconds_lose_no_frame_and_repeat_none(tmp_path: Path) -> None:
    times = [round(number * 1001 / 30000, 3) for number in range(32)]
    assert numbers_written(tmp_path / "a.mkv", times, 30000 / 1001) == list(range(32))


@pytest.mark.parametrize("leap", [90_000.0, -20.0])
def test_where_the_clock_leaps_the_video_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture, leap: float) -> None:
    times = [100 + number / 30 + (leap if number > 4 else 0) for number in range(10)]
    assert numbers_written(tmp_path / "a.mkv", times, 30) == list(range(10))
    assert caplog.messages == [f"a.mp4: the frames' times jump by {leap:.0f} s; the jump is left out of the video"]


def test_frames_of_a_camera_that_came_back_with_another_size_are_brought_to_the_first(tmp_path: Path) -> None:
    output = VideoOutput(str(tmp_path / "a.mkv"))
    for number, (height, width) in enumerate([(48, 64), (24, 32), (100, 200), (48, 64)]):
        image = np.ascontiguousarray(np.broadcast_to(picture(number)[0, 0], (height, width, 3)))
        output.write(Frame("webcam", image, number, number / 30, 30), Detections.empty())
    output.close()
    written = read_video(tmp_path / "a.mkv")
    assert [image.shape for image in written] == [(48, 64, 3)] * 4
    assert [number_of(image) for image in written] == [0, 1, 2, 3]


def test_frames_in_disorder_take_no_longer(tmp_path: Path) -> None:
    times = [number / 25 for number in (0, 2, 1, 3, 5, 4, 6, 8, 7, 9)]
    assert len(numbers_written(tmp_path / "a.mkv", times, 25)) == 10


def test_a_video_without_times_keeps_its_frames(tmp_path: Path) -> None:
    output = VideoOutput(str(tmp_path / "a.mkv"))
    for number in range(5):
        output.write(Frame("a.h264", picture(number), number, 0.0, 30), Detections.empty())
    output.close()
    assert [number_of(image) for image in read_video(tmp_path / "a.mkv")] == [0, 1, 2, 3, 4]


def test_what_can_not_be_written_is_said_before_detection(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match=r"can't write .*: (Not a directory|File exists); set output\.path to a file$"):
        VideoOutput(str(tmp_path / "file" / "a.mkv"))
    with pytest.raises(ImageError, match=r"can't write .*a\.txt: set output\.path to a file that ends in \.mkv"):
        VideoOutput(str(tmp_path / "a.txt"))
    with pytest.raises(ImageError, match=r"^output=video is for frames: take input=video"):
        VideoOutput(str(tmp_path / "a.mkv")).write(NamedImage("a.jpg", picture(0)), Detections.empty())
    assert not (tmp_path / "a.mkv").exists()


@needs_ffmpeg
def test_the_reason_why_ffmpeg_ended_is_told(tmp_path: Path) -> None:
    made = open_writer(tmp_path / "none" / "a.mkv", 30, SIZE)
    with pytest.raises(ImageError, match=r"can't write .*a\.mkv: .*No such file or directory"):
        made.close()


def test_a_full_disk_is_said_without_ffmpeg(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLS, tmp_path / "a.mkv"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert re.fullmatch(r"can't write .*a\.mkv: it has \d+ of 50 frames; is the disk full\?\n", done.stdout)


@pytest.mark.usefixtures("no_ffmpeg")
@pytest.mark.parametrize("rate", [29.97002997, 200 / 3, 1000 / 3])
def test_opencv_writes_any_rate(tmp_path: Path, rate: float) -> None:
    made = open_writer(tmp_path / "a.mkv", rate, SIZE)
    for number in range(20):
        made.write(picture(number))
    made.close()
    assert [number_of(image) for image in read_video(tmp_path / "a.mkv")] == list(range(20))
    assert Video(str(tmp_path / "a.mkv"), "").rate == pytest.approx(rate, rel=1e-2)


@pytest.mark.parametrize(("rate", "meant"), [(25.0, "25"), (29.97002997, "30000/1001")])
def test_rates_are_written_as_the_ratio_that_is_meant(rate: float, meant: str) -> None:
    assert ratio(rate) == meant
