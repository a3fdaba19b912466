"""What goes from an input to the outputs: a picture with its name, or why it could not be read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mtcnn_lit.files import shorten_file_name
from mtcnn_lit.images import Image, ImageError

# Names of files that outputs write: pictures with boxes drawn in, and faces.
_MADE = re.compile(r".+\.(faces|face-\d+)\.png")


@dataclass(frozen=True)
class NamedImage:
    """A picture of an input. A frame of a video is one too, with a number and a time: `Frame`.

    Attributes:
        name: its name in outputs; the path relative to the input's.
        image: uint8 RGB (H, W, 3).
    """

    name: str
    image: Image

    def position(self) -> dict[str, int | float]:
        """Frame number and time for detection files; empty for a picture that is no frame."""
        return {}

    @property
    def file_name(self) -> str:
        """Prefix of the names of files made from it."""
        return self.name


@dataclass(frozen=True)
class Frame(NamedImage):
    """A picture of a video or a camera; its name is the video's.

    Attributes:
        number: from 0; missed frames leave gaps.
        time: seconds from the first one.
        rate: frames a second of the video or camera.
        sound: the file or address that has the sound to the picture; None where there is none.
    """

    number: int
    time: float
    rate: float
    sound: str | None = None

    def position(self) -> dict[str, int | float]:
        """Its number and time."""
        return {"frame": self.number, "time": round(self.time, 3)}

    @property
    def file_name(self) -> str:
        """Distinct for each frame."""
        return f"{self.name}.frame-{self.number:06d}"


@dataclass(frozen=True)
class UnreadImage:
    """A picture of an input that could not be read."""

    name: str
    error: ImageError


def drawn_file(folder: str | Path, name: str) -> Path:
    """Path of a picture with boxes drawn in: ``<name>.faces.png`` below the folder."""
    return _below(folder, name, ".faces.png")


def face_file(folder: str | Path, name: str, number: int) -> Path:
    """Path of a face cut out of a picture: ``<name>.face-<number>.png`` below the folder; the best has number 1."""
    return _below(folder, name, f".face-{number:03d}.png")


def is_made(path: Path) -> bool:
    """Whether the name is one of those above; inputs skip such files, so that no output overwrites an input."""
    return _MADE.fullmatch(path.name) is not None


def _below(folder: str | Path, name: str, ending: str) -> Path:
    """The path below the folder; absolute names and names with ``..`` keep all their folders."""
    path = Path(name + ending)
    if path.is_absolute() or ".." in path.parts:
        path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        path = path.relative_to(path.anchor)
    return Path(folder) / path.with_name(shorten_file_name(path.name, ending))
