"""Read and write pictures as uint8 RGB arrays of shape (H, W, 3)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageOps

from mtcnn_lit.errors import UserError
from mtcnn_lit.files import write_atomically

Image: TypeAlias = npt.NDArray[np.uint8]

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".avif", ".gif"})

_BRANDS_END = 256  # bytes into an ISO media file: room for 60 brands, where files have a handful


class ImageError(UserError):
    """A picture that can't be read or written; the message names it."""


def read_image(path: str | Path) -> Image:
    """Read a picture file as uint8 RGB (H, W, 3), EXIF orientation applied; grey, RGBA and 16-bit files are converted.

    Of an animation, the first frame. Where the EXIF is damaged, the picture stays as it is stored.

    Raises:
        ImageError: when the file is missing or not a picture.
    """
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise ImageError(f"can't read {path}: {error.strerror or error}") from error
    except ValueError as error:  # a null byte in the path
        raise ImageError(f"can't read {str(path)!r}: {error}") from error
    image = _decode(encoded)
    if image is None:
        raise ImageError(f"can't read {path}: not a picture, or a broken one")
    return np.asarray(image, dtype=np.uint8)


def _decode(encoded: npt.NDArray[np.uint8]) -> npt.NDArray[Any] | None:
    """By OpenCV, but for GIF files, whose errors it prints, and AVIF files, whose orientation it ignores."""
    start = encoded[:_BRANDS_END].tobytes()
    if start.startswith(b"GIF8"):
        return _decode_by_pillow(encoded)
    if _is_avif(start) and (image := _decode_by_pillow(encoded)) is not None:
        return image
    return _decode_by_opencv(encoded)


def _decode_by_opencv(encoded: npt.NDArray[np.uint8]) -> npt.NDArray[Any] | None:
    try:
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB) if encoded.size else None
    except cv2.error:
        return None


def _is_avif(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and not _brands(start).isdisjoint((b"avif", b"avis"))


def _brands(start: bytes) -> set[bytes]:
    """The major brand of an ISO media file, and those that it is compatible with, from its beginning."""
    end = int.from_bytes(start[:4], "big")
    return {start[place : place + 4] for place in (8, *range(16, min(end, len(start)), 4))}


def _decode_by_pillow(encoded: npt.NDArray[np.uint8]) -> npt.NDArray[Any] | None:
    try:
        with PIL.Image.open(io.BytesIO(encoded.tobytes())) as picture:
            return np.asarray(PIL.ImageOps.exif_transpose(picture).convert("RGB"))
    except Exception:  # Pillow raises almost anything on damaged EXIF
        return None


def write_image(path: str | Path, image: Image) -> None:
    """Write uint8 RGB (H, W, 3) to a file whose extension names the format, whole or not at all; makes the folder.

    Raises:
        ImageError: when it is no such array, the format is unknown or the file can't be written.
    """
    path, image = Path(path), as_rgb(image)
    try:
        written, encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise ImageError(f"can't write {path}: no picture format has the extension '{path.suffix}'") from error
    if not written:
        raise ImageError(f"can't write {path}: the picture could not be encoded")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, encoded.data)
    except OSError as error:
        raise ImageError(f"can't write {path}: {error.strerror or error}") from error


def make_folder(path: str | Path) -> Path:
    """Create the folder if needed and return its path.

    Raises:
        ImageError: when it can't be created, or the path is empty or ``-``.
    """
    if str(path) in ("", "-"):  # likely a mistake: the working folder, or a folder named "-"
        raise ImageError(f"can't write pictures to '{path}': set output.path to a folder")
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"can't write to {path}: {error.strerror}; set output.path to a folder") from error
    return folder


def as_rgb(array: Any) -> Image:
    """Check that an array is a picture: uint8 RGB (H, W, 3).

    Raises:
        ImageError: with what was given, when it is anything else.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        given = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ImageError(f"an image must be a uint8 RGB array (H, W, 3), not {given}{_remedy(array)}")
    if 0 in array.shape:
        raise ImageError(f"an image must have pixels, not shape {array.shape}")
    return array


def _remedy(array: Any) -> str:
    if not isinstance(array, np.ndarray):
        return ""
    if array.ndim == 4:
        return ": give a batch as a list of images"
    if array.dtype != np.uint8:
        return ": scale its values to 0 to 255 and convert it to uint8"
    return ""
