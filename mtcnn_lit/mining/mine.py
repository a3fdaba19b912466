"""From a source and a miner to a patch store."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mtcnn_lit.images import Image
from mtcnn_lit.mining.map_images import map_images, read_only
from mtcnn_lit.mining.store import FORMAT, Origin, Patches, PatchStore, PatchWriter
from mtcnn_lit.sources.base import Annotation, Source, SourceError

log = logging.getLogger(__name__)


class Miner(Protocol):
    """Cuts patches from an image."""

    @property
    def size(self) -> int:
        """Side of the patches, px."""

    def identity(self) -> dict[str, Any]:
        """Everything that the patches depend on besides the source, as plain values."""

    def prepare(self, workers: int) -> None:
        """Measure what mining needs; called only if something is to be mined."""

    def __call__(self, image: Image, annotation: Annotation, index: int) -> Patches:
        """Patches of one image."""


def mine(source: Source, miner: Miner, root: Path, workers: int) -> PatchStore:
    """The patches that ``miner`` cuts from ``source``: from disk below ``root``, or mined now.

    Raises:
        SourceError: when no image of the source can be read.
    """
    identity = {"format": FORMAT, "source": source.fingerprint(), "mining": miner.identity()}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    folder = root / f"{source.split}-{miner.size}px-{digest[:16]}"

    def run(writer: PatchWriter) -> Mapping[str, Any]:
        log.info("mining %s", source.summary())
        if first := writer.next_image:
            log.info("going on with picture %d of %d: %d patches are there", first + 1, len(source), writer.count)
        miner.prepare(workers)
        remaining = range(first, len(source))
        title = f"mining {source.split} {miner.size} px"
        with_patches = np.unique(writer.written("image"))
        images = len(with_patches)
        if without := sorted({*range(first)} - {*with_patches.tolist()}):  # which of them can be read is not written
            images += sum(1 for _ in map_images(source, read_only, workers=workers, title=title, indices=without))
        origins = np.bincount(writer.written("origin"), minlength=len(Origin))
        for patches in map_images(source, miner, workers=workers, title=title, indices=remaining):
            writer.append(patches)
            origins += np.bincount(patches.origin, minlength=len(Origin))
            images += 1
        if images == 0:
            raise SourceError(f"no image of the {source.split} split can be read: check the source's files")
        return {"images": images, "origins": {kind.name.lower(): int(origins[kind]) for kind in Origin}}

    return PatchStore.open_or_mine(folder, identity, miner.size, run)


def count_unread(source: Source, store: PatchStore) -> int:
    """How many images of the source could not be read when it was mined; a warning says so each time."""
    unread = len(source) - int(store.manifest["images"])
    if unread:
        remedy = f"once they can, remove {store.folder} to mine them too"
        log.warning("%d pictures could not be read when these were mined; %s", unread, remedy)
    return unread
