"""Evaluate one network alone, on patches mined from the test split, and draw its detections."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from omegaconf import DictConfig

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.data.patches import PatchDataset
from mtcnn_lit.draw import draw
from mtcnn_lit.errors import Incomplete
from mtcnn_lit.evaluation.patch_report import patch_summary, write_patch_evaluation
from mtcnn_lit.evaluation.patches import PatchScores, predict
from mtcnn_lit.experiment.build import (
    build,
    build_cascade,
    build_miner,
    build_source,
    chosen_split,
    errors_named,
    mines_with_networks,
)
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.detect import chosen_weights
from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.mining.mine import count_unread, mine
from mtcnn_lit.mtcnn import pick_device
from mtcnn_lit.nets import NET_TITLES, Net, load_net, nets_before, weights_digest
from mtcnn_lit.sources.base import Source

log = logging.getLogger(__name__)

_DRAWN = 12  # images on the sheet of detections
_BOXES = 15  # of an image, the best ones: P-Net alone finds hundreds


def evaluate_stage(config: DictConfig) -> float:
    """Evaluate the network ``config.stage`` on patches of the chosen split.

    They are mined as in training, at the detector's face size and scale factor (``detector=training`` has those of
    training). The networks before it mine at thresholds for training's recall, measured on the `val` split, so that
    nothing is tuned on the test split. Patches are kept in ``paths.patch_dir``.

    Returns:
        AP of the patches.

    Raises:
        ConfigError: when a setting does not apply to one network.
        Incomplete: at the end, when an image could not be read when patches were mined.
        SourceError: when there is no face in the split.
        WeightsError: when weights of the network or one before it are missing or belong to another.
    """
    for key in ("calibrate", "detections"):
        if config[key]:
            raise ConfigError(f"{key}: is for the whole cascade; leave out net={config.stage}")
    if config.detector.backend != "torch":
        raise ConfigError(
            f"detector.backend: torch alone computes one network, not {config.detector.backend}; leave it out"
        )
    with errors_named("detector"):
        device = pick_device(config.detector.device)
    source = build_source(config, chosen_split(config))
    source.check_faces()
    nets = _load_nets(config)
    cascade = build_cascade(config, "detector", list(nets.values()))
    dataset = _mine(config, source, cascade)
    for each in cascade.nets:  # after mining, whose processes can't use a GPU
        each.to(device)
    unread = count_unread(source, dataset.store)
    predictions = predict(cascade.nets[-1], dataset, 4 * config.data.batch_size)
    about = {
        "net": config.stage,
        "source": source.summary(),
        "patches": str(dataset.store.folder),
        "unreadable": unread,
        "detector": cascade.settings(),
        "weights": {name: weights_digest(each) for name, each in nets.items()},
    }
    folder = Path(config.paths.run_dir)
    title = f"{NET_TITLES[config.stage]} on {type(source).__name__} {source.split}"
    drawn = _draw(cascade, source, config.draw_above)
    write_patch_evaluation(predictions, dataset.store, drawn, title, about, folder)
    log.info("%s\n\n%s\n", source.summary(), patch_summary(predictions))
    log.info("  report      %s", folder / "report.html")
    log.info("  figures     %s", folder / "metrics.json")
    log.info("  patches     %s", dataset.store.folder)
    ap = PatchScores.of(predictions).ap
    if unread:
        raise Incomplete(ap)
    return ap


def _load_nets(config: DictConfig) -> dict[str, Net]:
    """The network and those before it, by name; no others are needed."""
    paths = chosen_weights(config, [*nets_before(config.stage), config.stage])
    return {name: load_net(path, name) for name, path in paths.items()}


def _mine(config: DictConfig, source: Source, cascade: Cascade) -> PatchDataset:
    """Patches for the last network of the cascade, mined by those before it; with `data=pnet_again` by P-Net itself."""
    if len(cascade.nets) > 1:
        before: Cascade | None = cascade.first(len(cascade.nets) - 1)
    else:
        before = cascade if mines_with_networks(config) else None
    miner = build_miner(config, build_source(config, "val") if before else source, before)
    store = mine(source, miner, Path(config.paths.patch_dir), config.data.mining_workers)
    return PatchDataset(store, build(config.data.thresholds, "data.thresholds"))


def _draw(cascade: Cascade, source: Source, draw_above: float) -> list[Image]:
    """Some of the images, evenly spread, with the best of what the cascade detects in them."""
    drawn = []
    for index in source.spread(_DRAWN):
        annotation = source.annotations[index]
        try:
            image = source.read(index)
        except ImageError as error:
            log.warning("not drawn: %s", error)
            continue
        (found,) = cascade.detect([image])
        shown = found.select(torch.nonzero(found.scores >= draw_above).squeeze(1)[:_BOXES])
        drawn.append(draw(image, shown, torch.from_numpy(annotation.faces), torch.from_numpy(annotation.ignored)))
    return drawn
