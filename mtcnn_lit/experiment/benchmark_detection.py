"""Benchmark a detector, alone and compared with another one, from its configuration."""

from __future__ import annotations

import functools
import itertools
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from tqdm import tqdm

from mtcnn_lit.benchmark.detection import Comparison, Measurement, Plan, measure
from mtcnn_lit.benchmark.peer import Peer, PeerError
from mtcnn_lit.benchmark.picture_set import PictureSet
from mtcnn_lit.benchmark.pictures import crowd, face_tiles, pieces, shape_of, tiled
from mtcnn_lit.benchmark.tables import as_plain, comparison_table, speed_table, steps_table
from mtcnn_lit.errors import UserError
from mtcnn_lit.experiment.build import build, errors_named
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.detect import detector_arguments
from mtcnn_lit.experiment.evaluate import digests
from mtcnn_lit.images import Image, read_image
from mtcnn_lit.mtcnn import MTCNN
from mtcnn_lit.picture_files import list_images
from mtcnn_lit.sources import Synthetic
from mtcnn_lit.sources.base import BoxArray, spread

log = logging.getLogger(__name__)

# Lowest score and longer side, px, of faces that go into a crowd: reliable ones, large enough to stay sharp.
_SURE = 0.7
_SHARP = 30


def benchmark_detection(config: DictConfig) -> dict[str, Any]:
    """Measure the detector on pictures as they are, in several sizes, and on a crowd; print tables.

    Returns:
        The figures, as plain values.
    """
    make = functools.partial(MTCNN.from_checkpoints, **detector_arguments(config))
    with errors_named("detector"):
        detector = make()
    device = str(detector.cascade.device)
    plan = Plan(make, _peer_starter(config, device), config.warmup, config.repeats)
    measured: list[Measurement] = []
    compared: list[Comparison] = []
    with tempfile.TemporaryDirectory() as folder:
        sets = list(_picture_sets(config, detector, Path(folder)))
        each = list(itertools.product(sets, config.threads))
        try:
            for pictures, threads in tqdm(each, desc="measuring", dynamic_ncols=True):
                measurements, comparison = measure(pictures, threads, plan)
                measured += measurements
                compared += [comparison] if comparison is not None else []
        except PeerError:  # perhaps after minutes: print what was measured
            _print(measured, compared, config)
            raise
    _print(measured, compared, config)
    return {
        "weights": digests(detector.cascade),
        "device": device,
        "detection": as_plain(measured),
        "comparison": as_plain(compared),
    }


def _peer_starter(config: DictConfig, device: str) -> Callable[[int], Peer] | None:
    """A function that starts the other detector with a number of threads, on the same device; None without one.

    Raises:
        ConfigError: when nothing would be compared with it.
        PeerError: when it can't be run.
    """
    if config.peer is None:
        return None
    if 1 not in config.batch_sizes:
        sizes = list(config.batch_sizes)
        raise ConfigError(
            f"batch_sizes: a peer is compared one picture at a time, so 1 must be among them, not {sizes}"
        )
    make = build(config.peer, "peer")
    make(threads=1, device=device).close()  # fails now, not after minutes
    return lambda threads: make(threads=threads, device=device)


def _picture_sets(config: DictConfig, detector: MTCNN, folder: Path) -> Iterator[PictureSet]:
    """The sets of pictures, written to a folder."""
    pictures, faces = _drawn(config) if config.images is None else _photographs(config)
    write = functools.partial(PictureSet.write, folder)
    yield write("drawn" if config.images is None else "pictures", pictures, config.batch_sizes, with_peer=True)
    if config.megapixels:
        largest = tiled(pictures, *shape_of(max(config.megapixels)))
        for size in config.megapixels:
            yield write(f"{size:g} MP", pieces(largest, *shape_of(size)), with_peer=False)
    if config.mosaic is not None:
        height, width = config.mosaic
        tiles = _tiles(pictures, faces or [_sure_faces(detector, picture) for picture in pictures])
        yield write(f"crowd {width}x{height}", [crowd(tiles, height, width)], with_peer=True)


def _drawn(config: DictConfig) -> tuple[list[Image], list[BoxArray]]:
    """Drawn pictures with their faces."""
    many = (config.faces_per_image, config.faces_per_image)
    source = Synthetic("test", num_images={"test": config.limit}, faces_per_image=many)
    return [source.read(index) for index in range(len(source))], [each.faces for each in source.annotations]


def _photographs(config: DictConfig) -> tuple[list[Image], list[BoxArray]]:
    """Pictures of a folder, evenly spread, without annotations.

    Raises:
        UserError: when there are none, or one can't be read.
    """
    folder = Path(config.images).expanduser()
    paths = list_images(folder)
    if not paths:
        raise UserError(f"no pictures in {folder}: set images to a folder of pictures, or leave it out for drawn ones")
    return [read_image(paths[index]) for index in spread(len(paths), config.limit)], []


def _sure_faces(detector: MTCNN, picture: Image) -> BoxArray:
    found = detector.detect(picture)
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).amax(dim=1)
    return found.boxes[(found.scores >= _SURE) & (sides >= _SHARP)].numpy()


def _tiles(pictures: Sequence[Image], faces: Sequence[BoxArray]) -> list[Image]:
    """A tile of each face.

    Raises:
        UserError: when there are none.
    """
    tiles = [tile for picture, boxes in zip(pictures, faces, strict=True) for tile in face_tiles(picture, boxes)]
    if not tiles:
        raise UserError("no faces in the pictures to make a crowd of: leave out mosaic, or choose other images")
    return tiles


def _print(measured: Sequence[Measurement], compared: Sequence[Comparison], config: DictConfig) -> None:
    if measured:
        log.info("\n%s", speed_table(measured))
    if any(each.batch_size == 1 for each in measured):
        log.info("\nshare of the time, and candidates that pass in a picture\n%s", steps_table(measured))
    if compared:
        log.info("\nbeside %s, one picture at a time\n%s", config.peer.package, comparison_table(compared))
