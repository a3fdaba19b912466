"""Images annotated in the layout of Ultralytics YOLO."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import PIL.Image

from mtcnn_lit.images import ImageError, read_image
from mtcnn_lit.picture_files import every_image, without_made
from mtcnn_lit.sources.base import (
    Annotation,
    FileSource,
    SourceError,
    Split,
    as_boxes,
    existing_folder,
    read_text,
)

_log = logging.getLogger(__name__)

_ORIENTATION = 0x0112
_TURNED_A_QUARTER = (5, 6, 7, 8)
# Formats whose EXIF orientation `read_image` applies but Pillow's size does not; for TIFF it does.
_TURNED_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF")
_SLACK = 0.01  # exporters round, so boxes may exceed the border


class _Row(NamedTuple):
    """Attributes: label: the number of the class; box: normalised ``cx cy w h``."""

    label: float
    box: list[float]


class Yolo(FileSource):
    """Pictures in ``root/images/<split>/**`` and labels in ``root/labels/<split>/**.txt``.

    A label file has a row ``class cx cy w h`` for each box, normalised by the size of the upright picture; a picture
    without a label file has no faces, and repeated boxes count once. Boxes lower than ``min_height`` pixels are
    ignored. Pictures that can't be opened are logged and counted as skipped.

    Args:
        root: the data set's folder.
        split: the name of the folder below images and labels.
        min_height: pixels.
        class_id: the class that counts as a face; None takes all.

    Raises:
        SourceError: when a folder is missing, a row is malformed, or no picture is there.
    """

    _face_settings = "that labels/ mirrors images/, source.class_id and source.min_height"

    def __init__(self, root: str | Path, split: Split, *, min_height: float = 20, class_id: int | None = None) -> None:
        folder = existing_folder(root, "set source.root to the folder that holds 'images' and 'labels'")
        image_root = existing_folder(folder / "images" / split, f"put the pictures of split '{split}' there")
        label_root = existing_folder(folder / "labels" / split, f"put the labels of split '{split}' there")
        annotations = []
        classes: set[float] = set()
        skipped = 0
        pictures = _pictures(image_root, label_root)
        _warn_of_strays(label_root, {_label_file(path, image_root, label_root) for path in pictures})
        for path in pictures:
            size = _upright_size(path)
            if size is None:
                skipped += 1
                _log.warning("skipped %s: not a picture, or a broken one", path)
                continue
            relative = path.relative_to(image_root)
            rows = _read_labels(_label_file(path, image_root, label_root))
            classes.update(row.label for row in rows)
            faces = dict.fromkeys(_corners(row.box, *size) for row in rows if class_id in (None, row.label))
            annotations.append(Annotation.from_boxes(relative.as_posix(), as_boxes([*faces]), min_height=min_height))
        super().__init__(split, image_root, annotations, skipped)
        if class_id is None and len(classes) > 1:
            names = ", ".join(f"{label:g}" for label in sorted(classes)[:20])
            _log.warning(
                "%s: the boxes of all %d classes count as faces, %s; source.class_id takes one of them alone",
                label_root,
                len(classes),
                names,
            )


def _pictures(image_root: Path, label_root: Path) -> list[Path]:
    """All pictures but those that detection wrote; labelled pictures are kept whatever their name."""
    every = every_image(image_root)
    labelled = {path for path in every if _label_file(path, image_root, label_root).exists()}
    return sorted([*labelled, *without_made(path for path in every if path not in labelled)])


def _label_file(path: Path, image_root: Path, label_root: Path) -> Path:
    return (label_root / path.relative_to(image_root)).with_suffix(".txt")


def _warn_of_strays(label_root: Path, used: set[Path]) -> None:
    """Warn of label files that are of no picture: those whose labels they hold pass for pictures without faces."""
    files = (path for path in label_root.rglob("*") if path.suffix.lower() == ".txt" and path.name != "classes.txt")
    if strays := sorted(path for path in files if path not in used):
        _log.warning(
            "%d label files belong to no picture and are left out, e.g. %s; a label has its picture's name, "
            "with .txt instead of its ending",
            len(strays),
            strays[0],
        )


def _upright_size(path: Path) -> tuple[int, int] | None:
    """Width and height of the picture as ``read_image`` gives it, from the file's header if it can; None if broken."""
    try:
        with _without_size_limit(), PIL.Image.open(path) as image:
            width, height = image.size
            turned = image.format in _TURNED_FORMATS and _orientation(image) in _TURNED_A_QUARTER
    except Exception:  # Pillow raises almost anything on a broken header, which OpenCV may read all the same
        return _size_as_read(path)
    return (height, width) if turned else (width, height)


def _size_as_read(path: Path) -> tuple[int, int] | None:
    try:
        height, width = read_image(path).shape[:2]
    except ImageError:
        return None
    return width, height


@contextmanager
def _without_size_limit() -> Iterator[None]:
    """Lift Pillow's size limit: OpenCV decodes the pictures, and takes larger ones."""
    limit, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        PIL.Image.MAX_IMAGE_PIXELS = limit


def _orientation(image: PIL.Image.Image) -> object:
    """The EXIF orientation that ``read_image`` applies to the picture; None without one."""
    if image.format == "AVIF":  # Pillow applies it to these, and reads XMP too
        return image.getexif().get(_ORIENTATION)
    exif = PIL.Image.Exif()
    exif.load(image.info.get("exif", b""))
    return exif.get(_ORIENTATION)


def _read_labels(path: Path) -> list[_Row]:
    """The rows of a label file; none when there is no file."""
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(read_text(path, "export the labels again").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, *box = (float(value) for value in line.split())
        except ValueError:
            label, box = 0, []
        if len(box) != 4 or not label >= 0 or not all(-_SLACK <= value <= 1 + _SLACK for value in box):
            raise SourceError(
                f"{path}:{number}: expected 'class cx cy w h' as shares of the picture from 0 to 1, "
                f"found '{line.strip()[:60]}'; export the labels again"
            )
        rows.append(_Row(label, box))
    return rows


def _corners(box: list[float], width: int, height: int) -> tuple[float, float, float, float]:
    """Normalised ``cx cy w h`` as ``x1 y1 x2 y2`` in pixels."""
    cx, cy, w, h = box
    return (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height
