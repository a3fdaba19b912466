"""A picture with EXIF that Pillow can't make sense of."""

from __future__ import annotations

from pathlib import Path

import PIL.Image

from mtcnn_lit.images import Image


def write_avif_with_damaged_exif(path: Path, image: Image) -> None:
    """An AVIF that is to be turned clockwise, with a number where the name of the document belongs."""
    exif = PIL.Image.Exif()
    exif[0x011A] = 72.0
    exif[0x0128] = 2
    PIL.Image.fromarray(image).save(path, exif=exif)
    content = path.read_bytes()
    for tag, other in (
        (b"\x01\x1a\x00\x05", b"\x01\x0d\x00\x05"),
        (b"\x01\x28\x00\x03\x00\x00\x00\x01\x00\x02", b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06"),
    ):
        assert content.count(tag) == 1
        content = content.replace(tag, other)
    path.write_bytes(content)
