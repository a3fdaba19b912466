from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from mtcnn_lit.images import EXTENSIONS, Image, ImageError, as_rgb, read_image, write_image
from tests.damaged_exif import write_avif_with_damaged_exif
from tests.full_disk import fill_disk, needs_full_device


def smooth_picture(height: int = 40, width: int = 60) -> Image:
    """Another ramp in each channel, so that swapped channels, mirrored axes and shifts show."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 3 * x, 20 + 4 * y, 200 - x - 2 * y], axis=2).astype(np.uint8)


def levels_apart(a: Image, b: Image) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.mark.parametrize("extension", sorted(EXTENSIONS - {".gif"}))
def test_a_picture_survives_writing_and_reading(tmp_path: Path, extension: str) -> None:
    path = tmp_path / "new" / "folder" / f"picture{extension}"
    write_image(path, smooth_picture())
    lossy = extension in {".jpg", ".jpeg", ".avif"}
    assert levels_apart(read_image(path), smooth_picture()) <= (12 if lossy else 0)


def test_a_name_beyond_ascii(tmp_path: Path) -> None:
    write_image(tmp_path / "Grüße 日本.PNG", smooth_picture())
    assert levels_apart(read_image(str(tmp_path / "Grüße 日本.PNG")), smooth_picture()) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["png", "tif", "webp", "avif"])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, extension: str) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{extension}"
    PIL.Image.fromarray(smooth_picture()).save(path, exif=exif, **({"lossless": True} if extension == "webp" else {}))
    with PIL.Image.open(path) as stored:
        expected = np.asarray(PIL.ImageOps.exif_transpose(stored))
    assert levels_apart(read_image(path), expected) == 0


def test_exif_orientation_of_an_avif_that_names_itself_a_still_picture_is_applied(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.avif"
    PIL.Image.fromarray(smooth_picture()).save(path, exif=exif)
    path.write_bytes(path.read_bytes().replace(b"ftypavif", b"ftypmif1", 1))  # avif is among the compatible brands
    assert levels_apart(read_image(path), np.rot90(smooth_picture(), -1)) <= 12


def test_an_avif_whose_exif_is_damaged_stays_as_it_is_stored(tmp_path: Path) -> None:
    """Pillow, which knows how AVIF files are turned, raises an AttributeError."""
    write_avif_with_damaged_exif(tmp_path / "damaged.avif", smooth_picture())
    assert levels_apart(read_image(tmp_path / "damaged.avif"), smooth_picture()) <= 12


def test_exif_orientation_of_a_jpeg_is_applied(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it clockwise
    PIL.Image.fromarray(smooth_picture()).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert levels_apart(read_image(tmp_path / "turned.jpg"), np.rot90(smooth_picture(), -1)) <= 8


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 200, [200, 200, 200]),
        ("1", 1, [255, 255, 255]),
        ("LA", (200, 0), [200, 200, 200]),
        ("RGBA", (200, 100, 50, 0), [200, 100, 50]),  # transparent, and yet its colour
        ("RGB", (200, 100, 50), [200, 100, 50]),
        ("I;16", 51400, [200, 200, 200]),  # 200 * 257
    ],
)
def test_other_kinds_become_rgb(tmp_path: Path, mode: str, value: Any, expected: list[int]) -> None:
    PIL.Image.new(mode, (5, 4), value).save(tmp_path / "picture.png")
    picture = read_image(tmp_path / "picture.png")
    assert (picture.dtype, picture.shape) == (np.uint8, (4, 5, 3))
    assert levels_apart(picture, np.broadcast_to(np.uint8(expected), (4, 5, 3))) <= 1  # 16 bits may round down


def test_a_palette_becomes_rgb(tmp_path: Path) -> None:
    palette = PIL.Image.fromarray(smooth_picture()).quantize(16)
    palette.save(tmp_path / "picture.png")
    assert levels_apart(read_image(tmp_path / "picture.png"), np.asarray(palette.convert("RGB"))) == 0


def test_colour_of_16_bits_becomes_rgb(tmp_path: Path) -> None:
    bgr = cv2.cvtColor(smooth_picture(), cv2.COLOR_RGB2BGR).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "picture.png"), bgr)
    assert levels_apart(read_image(tmp_path / "picture.png"), smooth_picture()) <= 1


@pytest.mark.parametrize("extension", ["gif", "webp", "png", "avif"])
def test_of_an_animation_it_is_the_first_frame(tmp_path: Path, extension: str) -> None:
    first = PIL.Image.fromarray(smooth_picture()).quantize(32).convert("RGB")
    others = [first.rotate(180), PIL.Image.new("RGB", first.size)]
    kind = {"webp": {"lossless": True}, "avif": {"quality": 100, "subsampling": "4:4:4"}}.get(extension, {})
    path = tmp_path / f"moving.{extension}"
    first.save(path, save_all=True, append_images=others, duration=100, **kind)
    assert levels_apart(read_image(path), np.asarray(first)) <= (5 if extension == "avif" else 0)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
@pytest.mark.parametrize("extension", ["webp", "avif", "tif"])
def test_other_formats_of_grey_and_transparent_pictures_become_rgb(tmp_path: Path, mode: str, extension: str) -> None:
    grey = np.repeat(smooth_picture()[..., :1], 3, axis=2)
    kind = {"webp": {"lossless": True}, "avif": {"quality": 100}}.get(extension, {})
    PIL.Image.fromarray(grey).convert(mode).save(tmp_path / f"picture.{extension}", **kind)
    assert levels_apart(read_image(tmp_path / f"picture.{extension}"), grey) <= (5 if extension == "avif" else 0)


def encoded(extension: str) -> bytes:
    content: bytes = cv2.imencode(extension, smooth_picture())[1].tobytes()
    return content


def half(extension: str) -> bytes:
    return encoded(extension)[: len(encoded(extension)) // 2]


NO_PIXELS = encoded(".avif")[:-20] + bytes(20)
NO_CODEC = encoded(".avif").replace(b"av1C", b"av1X")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture at all\n" * 50,
        bytes(1000),
        half(".png"),
        half(".jpg"),
        half(".gif"),
        half(".avif"),
        b"GIF89a",
        NO_PIXELS,
        NO_CODEC,
    ],
)
def test_a_broken_picture_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"can't read .*broken\.png: not a picture, or a broken one"):
        read_image(tmp_path / "broken.png")


def test_a_missing_file_and_a_folder_are_errors_that_name_them(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"can't read .*nowhere\.png: No such file"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(ImageError, match=r"can't read .*: Is a directory"):
        read_image(tmp_path)


def test_a_path_with_a_null_byte_is_an_error_in_one_line() -> None:
    with pytest.raises(ImageError, match=r"^can't read 'a\\x00b\.png': embedded null byte$"):
        read_image("a\0b.png")


@pytest.mark.parametrize("name", ["picture.xyz", "picture"])
def test_an_unknown_format_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match=rf"can't write .*{name}: no picture format has the extension"):
        write_image(tmp_path / name, smooth_picture())
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match=r"can't write .*picture\.png: "):
        write_image(tmp_path / "file" / "picture.png", smooth_picture())


@needs_full_device
def test_on_a_full_disk_the_picture_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture.png"
    write_image(path, smooth_picture())
    fill_disk(path, monkeypatch)
    with pytest.raises(ImageError, match=rf"^can't write {path}: No space left on device$"):
        write_image(path, np.zeros((4, 5, 3), np.uint8))
    assert np.array_equal(read_image(path), smooth_picture())
    assert list(tmp_path.iterdir()) == [path]


NO_PICTURES = [
    (np.zeros((4, 5), np.uint8), r"not uint8 \(4, 5\)"),
    (np.zeros((4, 5, 4), np.uint8), r"not uint8 \(4, 5, 4\)"),
    (np.zeros((3, 4, 5), np.uint8), r"not uint8 \(3, 4, 5\)"),
    (np.zeros((4, 5, 3), np.float32), r"not float32 \(4, 5, 3\)"),
    ([[1, 2, 3]], "not list"),
    (None, "not NoneType"),
    (np.zeros((0, 5, 3), np.uint8), r"must have pixels, not shape \(0, 5, 3\)"),
]


@pytest.mark.parametrize(("array", "complaint"), NO_PICTURES)
def test_what_is_no_picture_is_refused(tmp_path: Path, array: Any, complaint: str) -> None:
    with pytest.raises(ImageError, match=complaint):
        as_rgb(array)
    with pytest.raises(ImageError, match=complaint):
        write_image(tmp_path / "picture.png", array)


def test_a_picture_passes_as_it_is() -> None:
    picture = smooth_picture()
    assert as_rgb(picture) is picture
