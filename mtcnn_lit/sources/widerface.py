"""WIDER FACE (Yang et al., CVPR 2016) in its official layout."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from mtcnn_lit.sources.base import (
    Annotation,
    FileSource,
    SourceError,
    Split,
    boxes_from_sizes,
    existing_folder,
    read_text,
)

_COLUMNS = ("x", "y", "w", "h", "blur", "expression", "illumination", "invalid", "occlusion", "pose")
_BLUR, _INVALID, _OCCLUSION = (_COLUMNS.index(name) for name in ("blur", "invalid", "occlusion"))
_COUNT = re.compile("[0-9]{1,6}")
_LARGEST = 10**6  # larger numbers are no pixels


@dataclass(frozen=True)
class _Record:
    """The annotation of one picture: (N, 10) integers in the order of ``_COLUMNS``."""

    name: str
    rows: npt.NDArray[np.int64]


class WiderFace(FileSource):
    """WIDER FACE below ``root``: the folders WIDER_train, WIDER_val and wider_face_split.

    Splits: "train" is the official training set without its held-out part, "val" is that part, and "test" is the
    official validation set. Test pictures are for the final figure only: never train, tune or choose on them.

    Faces that are marked invalid, lower than ``min_height`` pixels, too blurred or too occluded are ignored. Pictures
    that the annotation file names but that aren't on disk (a partial copy) are counted as skipped.

    Args:
        root: the data set's folder.
        split: "train", "val" or "test".
        holdout: the part of the official training pictures that is "val": a share, chosen by a hash of the pictures'
            names, or the names of whole events, which is the harder and more honest test.
        min_height: pixels.
        max_blur: 0 clear, 1 normal, 2 heavy; faces above are ignored.
        max_occlusion: 0 none, 1 partial, 2 heavy; faces above are ignored.
        ignore_invalid: whether faces that WIDER FACE marks as invalid are ignored.
        truth: folder below ``root`` with the lists of the official evaluation, which cover only the test pictures; None
            for no official evaluation.

    Raises:
        SourceError: when a folder or file is missing, a line is malformed, or the split has no picture.
    """

    _face_settings = "source.min_height, source.max_blur and source.max_occlusion"

    def __init__(
        self,
        root: str | Path,
        split: Split = "train",
        *,
        holdout: float | Sequence[str] = 0.1,
        min_height: float = 10,
        max_blur: int = 2,
        max_occlusion: int = 2,
        ignore_invalid: bool = True,
        truth: str | None = "eval_ground_truth",
    ) -> None:
        folder = existing_folder(root, "set source.root to the folder that holds WIDER_train and wider_face_split")
        official = _official_split(split)
        image_root = folder / f"WIDER_{official}" / "images"
        existing_folder(image_root, f"unpack WIDER_{official}.zip in {folder}")
        records = list(_parse(folder / "wider_face_split" / f"wider_face_{official}_bbx_gt.txt"))
        if split != "test":
            records = _part(records, holdout, split)
        present = _files_by_event(image_root)
        found = [record for record in records if record.name in present]

        def annotate(record: _Record) -> Annotation:
            rows = record.rows
            ignored = (rows[:, _BLUR] > max_blur) | (rows[:, _OCCLUSION] > max_occlusion)
            if ignore_invalid:
                ignored |= rows[:, _INVALID] > 0
            boxes = boxes_from_sizes(rows[:, :4])
            return Annotation.from_boxes(record.name, boxes, min_height=min_height, ignored=ignored)

        self.truth_folder = folder / truth if split == "test" and truth is not None else None
        super().__init__(split, image_root, [annotate(record) for record in found], len(records) - len(found))


def _official_split(split: Split) -> str:
    """Which official set a split is cut from: "train" or "val"."""
    if split not in ("train", "val", "test"):
        raise SourceError(f"WIDER FACE has no split '{split}'; take train, val or test")
    return "val" if split == "test" else "train"


def _part(records: list[_Record], holdout: float | Sequence[str], split: Split) -> list[_Record]:
    """Those of the official training pictures that are "train", or "val"."""
    held_out = _held_out(records, [holdout] if isinstance(holdout, str) else holdout)
    part = [record for record in records if (record.name in held_out) == (split == "val")]
    if split == "val" and not part:
        raise SourceError(f"source.holdout={holdout} holds no picture back for 'val'; set source.holdout=0.1")
    if records and not part:
        what = "picture" if isinstance(holdout, float | int) else "event"
        raise SourceError(f"source.holdout: no {what} is left to train on; hold less back")
    return part


def _held_out(records: list[_Record], holdout: float | Sequence[str]) -> set[str]:
    """Names of the official training pictures that are "val"."""
    if isinstance(holdout, float | int):
        if not 0 <= holdout < 1:
            raise SourceError(f"source.holdout must be a share from 0 to under 1, or names of events, not {holdout}")
        return {record.name for record in records if _unit_hash(record.name) < holdout}
    events = {record.name.split("/")[0] for record in records}
    if unknown := sorted(set(holdout) - events):
        raise SourceError(f"source.holdout: no event '{unknown[0]}' in the annotation file; there are {len(events)}")
    return {record.name for record in records if record.name.split("/")[0] in holdout}


def _unit_hash(name: str) -> float:
    """A number in [0, 1) that depends only on the name, on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def _files_by_event(image_root: Path) -> set[str]:
    """``event/file`` of all files: one directory listing an event instead of 12,880 calls of stat."""
    return {
        f"{event.name}/{picture.name}"
        for event in os.scandir(image_root)
        if event.is_dir()
        for picture in os.scandir(event)
    }


def _parse(path: Path) -> Iterator[_Record]:
    """Read an annotation file: a picture's name, its number of faces, one row of ten numbers for each face.

    A picture without faces has the number 0 and one row of zeros.
    """
    lines = read_text(path, "unpack wider_face_split.zip beside the pictures").rstrip().splitlines()
    at = 0
    while at < len(lines):
        name = lines[at].strip()
        if "/" not in name:
            _malformed(path, at, "a picture as event/file", lines)
        if at + 1 >= len(lines) or not _COUNT.fullmatch(lines[at + 1].strip()):
            _malformed(path, at + 1, f"the number of faces of {name}", lines)
        count = int(lines[at + 1])
        first, at = at + 2, at + 2 + max(count, 1)
        if at > len(lines):
            _malformed(path, len(lines), f"{count} faces of {name}", lines)
        rows = [_parse_row(path, index, lines) for index in range(first, at)]
        yield _Record(name, np.array(rows[:count], dtype=np.int64).reshape(-1, len(_COLUMNS)))


def _parse_row(path: Path, index: int, lines: list[str]) -> list[int]:
    try:
        row = [int(value) for value in lines[index].split()]
    except ValueError:
        row = []
    if len(row) != len(_COLUMNS) or any(abs(value) > _LARGEST for value in row):
        _malformed(path, index, f"ten whole numbers '{' '.join(_COLUMNS)}'", lines)
    return row


def _malformed(path: Path, index: int, expected: str, lines: list[str]) -> NoReturn:
    found = f"'{lines[index].strip()[:60]}'" if index < len(lines) else "the end of the file"
    raise SourceError(f"{path}:{index + 1}: expected {expected}, found {found}; take the official file")
