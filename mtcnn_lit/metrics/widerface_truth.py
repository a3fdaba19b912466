"""The official ground truth of WIDER FACE's validation pictures, from the ``.mat`` files of its evaluation package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from scipy.io import loadmat
from torch import Tensor

from mtcnn_lit.sources.base import SourceError, existing_folder

DIFFICULTIES = ("easy", "medium", "hard")
_REMEDY = "take the ground_truth folder of the official eval_tools.zip"

_Boxes: TypeAlias = npt.NDArray[np.float64]


class ImageTruth(NamedTuple):
    """The faces of one picture.

    Attributes:
        boxes: (F, 4) float64, ``x1 y1 x2 y2`` in pixels.
        counts: (3, F) bool, whether a face counts as easy, medium and hard; those that don't are ignored.
    """

    boxes: Tensor
    counts: Tensor


@dataclass(frozen=True)
class WiderFaceTruth:
    """Which faces of which validation pictures count.

    Attributes:
        images: by name, ``event/file.jpg``.
    """

    images: Mapping[str, ImageTruth]

    @classmethod
    def load(cls, folder: str | Path) -> WiderFaceTruth:
        """Read wider_face_val.mat and wider_easy_val.mat, wider_medium_val.mat and wider_hard_val.mat.

        Raises:
            SourceError: when one is missing, broken or doesn't belong to the others.
        """
        root = existing_folder(folder, _REMEDY)
        faces = _faces(root / "wider_face_val.mat")
        counts = [_counting(root / f"wider_{name}_val.mat", list(faces.values())) for name in DIFFICULTIES]
        return cls(
            {
                name: ImageTruth(torch.from_numpy(boxes), torch.from_numpy(np.stack(masks)))
                for (name, boxes), *masks in zip(faces.items(), *counts, strict=True)
            }
        )

    def __getitem__(self, name: str) -> ImageTruth:
        if name not in self.images:
            raise SourceError(f"no picture '{name}' in WIDER FACE's ground truth; names are event/file.jpg")
        return self.images[name]

    def restricted_to(self, names: Iterable[str]) -> WiderFaceTruth:
        """The same for some of the pictures.

        Raises:
            SourceError: when there is no picture of a name.
        """
        return WiderFaceTruth({name: self[name] for name in names})

    @cached_property
    def faces_count(self) -> dict[str, int]:
        """How many faces count as "easy", "medium" and "hard"."""
        counts = [image.counts.sum(dim=1) for image in self.images.values()]
        total = torch.stack(counts).sum(dim=0) if counts else torch.zeros(len(DIFFICULTIES))
        return dict(zip(DIFFICULTIES, map(int, total), strict=True))


def _faces(path: Path) -> dict[str, _Boxes]:
    """The (F, 4) corners of all faces of each picture, by name."""
    with _official(path):
        stored = loadmat(str(path), appendmat=False)
        events = zip(stored["event_list"][:, 0], stored["file_list"][:, 0], strict=True)
        names = [f"{event[0]}/{file[0]}.jpg" for event, files in events for file in files[:, 0]]
        boxes = [np.asarray(cell, np.float64) for event in stored["face_bbx_list"][:, 0] for cell in event[:, 0]]
        return {
            name: np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]]) for name, xywh in zip(names, boxes, strict=True)
        }


def _counting(path: Path, faces: list[_Boxes]) -> list[npt.NDArray[np.bool_]]:
    """Which faces of each picture a list of one difficulty names, by indices that begin with 1."""
    with _official(path):
        lists = [cell.ravel() for event in loadmat(str(path), appendmat=False)["gt_list"][:, 0] for cell in event[:, 0]]
        masks = [np.zeros(len(boxes) + 1, dtype=np.bool_) for boxes in faces]
        for mask, indices in zip(masks, lists, strict=True):
            mask[indices.astype(np.uint64)] = True  # an index beyond the faces of its picture is an error
        return [mask[1:] for mask in masks]


@contextmanager
def _official(path: Path) -> Iterator[None]:
    """Says in one line what is wrong with a file that can't be read as expected."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}; {_REMEDY}") from error
    except Exception as error:  # the reader raises almost anything on a broken file
        raise SourceError(f"{path}: not the official list ({type(error).__name__}); {_REMEDY}") from error
