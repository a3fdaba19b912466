"""Images annotated by an instances JSON, the format of COCO and of most labelling tools."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from mtcnn_lit.sources.base import (
    Annotation,
    FileSource,
    SourceError,
    Split,
    boxes_from_sizes,
    existing_folder,
    read_text,
)

_log = logging.getLogger(__name__)

_Entry: TypeAlias = dict[str, Any]
_LARGEST = 1e6  # larger numbers and NaN are no pixels


class _Box(NamedTuple):
    """Attributes: sides: ``x y width height``; crowd: whether it encloses a crowd of faces."""

    sides: tuple[float, ...]
    crowd: bool


class Coco(FileSource):
    """A folder of pictures and an instances JSON for each split.

    Boxes are ``x y width height`` in pixels of the upright picture. Those with ``iscrowd`` 1 and those lower than
    ``min_height`` pixels are ignored. Images without annotations are part of the source; pictures that the JSON names
    but that aren't on disk are counted as skipped. A picture that is listed more than once is one, with all its boxes.

    Args:
        root: the data set's folder.
        split: a key of ``annotations`` and ``images``.
        annotations: the JSON of each split, relative to ``root``.
        images: the folder of pictures of each split, relative to ``root``.
        min_height: pixels.
        category: the name of the category that counts as a face; None takes all.

    Raises:
        SourceError: when a file or folder is missing, the JSON is malformed, or no picture is there.
    """

    _face_settings = "that source.annotations names this split's file, source.category and source.min_height"

    def __init__(
        self,
        root: str | Path,
        split: Split,
        *,
        annotations: Mapping[Split, str],
        images: Mapping[Split, str],
        min_height: float = 20,
        category: str | None = None,
    ) -> None:
        folder = existing_folder(root, "set source.root to the folder that holds the pictures and the instances JSON")
        for option, paths in (("annotations", annotations), ("images", images)):
            if split not in paths:
                raise SourceError(f"source.{option} names nothing for split '{split}'; add source.{option}.{split}")
        path = folder / annotations[split]
        image_root = existing_folder(folder / images[split], f"set source.images.{split}")
        content = _load(path, f"set source.annotations.{split}")
        category_ids = _category_ids(path, content, category)
        boxes_of = _boxes_by_image(path, content, category_ids)
        ids_of = _ids_by_picture(path, content)
        _check_ids(path, content, {image_id for ids in ids_of.values() for image_id in ids})
        found = [name for name in ids_of if _is_there(image_root / name)]

        def annotate(name: str) -> Annotation:
            own = dict.fromkeys(box for image_id in ids_of[name] for box in boxes_of[image_id])  # each box once
            crowd = np.array([box.crowd for box in own], dtype=np.bool_)
            boxes = boxes_from_sizes([box.sides for box in own])
            return Annotation.from_boxes(name, boxes, min_height=min_height, ignored=crowd)

        super().__init__(split, image_root, [annotate(name) for name in found], len(ids_of) - len(found))
        named = {_id(entry.get("category_id")) for entry in content["annotations"]}
        if category_ids is None and len(named) > 1:
            _log.warning(
                "%s: the boxes of all %d categories count as faces; source.category takes those of one name alone",
                path,
                len(named),
            )


def _load(path: Path, remedy: str) -> _Entry:
    text = read_text(path, remedy)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise SourceError(f"{path}{line}: no JSON ({error}); export it again") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path}: no instances JSON but a {type(content).__name__}; {remedy}")
    return content


def _list(path: Path, content: _Entry, key: str) -> list[_Entry]:
    entries = content.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"{path}: no list of objects under '{key}'; export it as COCO instances JSON")
    return entries


def _id(value: object) -> str:
    """An id as text, since tools write the same one as 1, 1.0 or "1"."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _category_ids(path: Path, content: _Entry, category: str | None) -> set[str] | None:
    """The ids of the categories with this name, which an override may give as a number; None for all."""
    if category is None:
        return None
    categories = _list(path, content, "categories")
    if ids := {_id(entry["id"]) for entry in categories if str(entry.get("name")) == str(category) and "id" in entry}:
        return ids
    names = ", ".join(str(entry.get("name")) for entry in categories[:20])
    raise SourceError(f"{path}: no category '{category}'; set source.category to one of: {names}")


def _boxes_by_image(path: Path, content: _Entry, category_ids: set[str] | None) -> defaultdict[str, list[_Box]]:
    """The boxes of these categories for each image id."""
    boxes: defaultdict[str, list[_Box]] = defaultdict(list)
    for position, entry in enumerate(_list(path, content, "annotations")):
        if category_ids is not None and _id(entry.get("category_id")) not in category_ids:
            continue
        if "image_id" not in entry or not _is_box(entry.get("bbox")):
            raise SourceError(
                f"{path}: annotations[{position}] needs an 'image_id' and a 'bbox' of four numbers; export it again"
            )
        try:
            crowd = float(entry.get("iscrowd") or 0) != 0  # some tools write it as text
        except (TypeError, ValueError):
            raise SourceError(f"{path}: annotations[{position}] needs an 'iscrowd' of 0 or 1, or none") from None
        boxes[_id(entry["image_id"])].append(_Box(tuple(entry["bbox"]), crowd))
    return boxes


def _ids_by_picture(path: Path, content: _Entry) -> dict[str, list[str]]:
    """The ids of each picture, one unless it is listed more than once, in the order of the pictures."""
    ids: dict[str, list[str]] = {}
    for position, picture in enumerate(_list(path, content, "images")):
        if not isinstance(picture.get("file_name"), str) or "id" not in picture:
            raise SourceError(f"{path}: images[{position}] needs an 'id' and a 'file_name'; export it again")
        name = Path(picture["file_name"]).as_posix()  # one name for ./a.jpg and a.jpg
        ids.setdefault(name, []).append(_id(picture["id"]))
    return ids


def _check_ids(path: Path, content: _Entry, listed: set[str]) -> None:
    """Reject a file whose annotations all belong to unlisted images; warn if some do."""
    named = [entry["image_id"] for entry in content["annotations"] if "image_id" in entry]
    strays = sum(_id(image_id) not in listed for image_id in named)
    if named and listed and strays == len(named):
        raise SourceError(
            f"{path}: no annotation is of a listed image: the first 'image_id' is {named[0]!r}, "
            f"the first image's 'id' {content['images'][0]['id']!r}; export it again"
        )
    if strays:
        _log.warning("%s: %d annotations are left out: they are of images that it doesn't list", path, strays)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # e.g. a name that is too long
        return False


def _is_box(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(isinstance(number, int | float) and abs(number) <= _LARGEST for number in value)
    )
