"""Images annotated by an instances JSON, the format of COCO and of most labelling tools."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

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

_Entry: TypeAlias = dict[str, Any]
_LARGEST = 1e6  # a number beyond it, or NaN, is no pixel


class Coco(FileSource):
    """A folder of pictures and an instances JSON for each split.

    Boxes are ``x y width height`` in pixels of the upright picture. Those with ``iscrowd`` 1 and those lower than
    ``min_height`` pixels are ignored. Images without annotations are part of the source; pictures that the JSON names
    but that aren't on disk are counted as skipped.

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

    def __init__(
        self,
        root: str | Path,
        split: Split,
        *,
        annotations: Mapping[str, str],
        images: Mapping[str, str],
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
        entries = _annotations_by_image(path, content, _category_id(path, content, category))
        pictures = _list(path, content, "images")
        for position, picture in enumerate(pictures):
            if not isinstance(picture.get("file_name"), str) or "id" not in picture:
                raise SourceError(f"{path}: images[{position}] needs an 'id' and a 'file_name'; export it again")
        found = [picture for picture in pictures if (image_root / picture["file_name"]).is_file()]

        def annotate(picture: _Entry) -> Annotation:
            own = entries[str(picture["id"])]
            boxes = boxes_from_sizes([entry["bbox"] for entry in own])
            crowd = np.array([bool(entry.get("iscrowd")) for entry in own], dtype=np.bool_)
            return Annotation.from_boxes(picture["file_name"], boxes, min_height=min_height, ignored=crowd)

        super().__init__(split, image_root, [annotate(picture) for picture in found], len(pictures) - len(found))


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


def _category_id(path: Path, content: _Entry, category: str | None) -> object:
    """The id of the category with this name; None for all."""
    if category is None:
        return None
    categories = _list(path, content, "categories")
    for entry in categories:
        if entry.get("name") == category and "id" in entry:
            return entry["id"]
    names = ", ".join(str(entry.get("name")) for entry in categories[:20])
    raise SourceError(f"{path}: no category '{category}'; set source.category to one of: {names}")


def _annotations_by_image(path: Path, content: _Entry, category_id: object) -> defaultdict[str, list[_Entry]]:
    """The checked annotations of the category for each image id (as text: some tools write numbers, some text)."""
    entries: defaultdict[str, list[_Entry]] = defaultdict(list)
    for position, entry in enumerate(_list(path, content, "annotations")):
        if category_id is not None and entry.get("category_id") != category_id:
            continue
        if "image_id" not in entry or not _is_box(entry.get("bbox")):
            raise SourceError(
                f"{path}: annotations[{position}] needs an 'image_id' and a 'bbox' of four numbers; export it again"
            )
        entries[str(entry["image_id"])].append(entry)
    return entries


def _is_box(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(isinstance(number, int | float) and abs(number) <= _LARGEST for number in value)
    )
