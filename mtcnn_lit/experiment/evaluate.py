"""What a cascade finds on the test split of a source."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import torch
from omegaconf import DictConfig
from tqdm import tqdm

from mtcnn_lit.draw import draw, grid
from mtcnn_lit.experiment.build import build_source
from mtcnn_lit.experiment.calibrate import calibrate
from mtcnn_lit.experiment.check import check_config
from mtcnn_lit.experiment.detect import build_detector
from mtcnn_lit.images import Image, write_image
from mtcnn_lit.metrics import AveragePrecision

log = logging.getLogger(__name__)

# Pictures on the sheet of detections.
_DRAWN = 12


def evaluate(config: DictConfig) -> float | None:
    """AP at IoU 0.5 of the whole cascade on the test split, with `metrics.json` and a sheet of detections."""
    check_config(config)
    if config.calibrate:
        calibrate(config)
        return None
    source = build_source(config, "test")
    detector = build_detector(config)
    folder = Path(config.paths.run_dir)
    metric = AveragePrecision()
    drawn: list[Image] = []
    shown = set(source.spread(_DRAWN))
    for index in tqdm(range(len(source)), desc="evaluating", unit="image", dynamic_ncols=True):
        image, annotation = source.read(index), source.annotations[index]
        found = detector.detect(image)
        faces, ignored = torch.from_numpy(annotation.faces), torch.from_numpy(annotation.ignored)
        metric.update([found], [faces], [ignored])
        if index in shown:
            sure = found.select(found.scores >= 0.7)
            drawn.append(draw(image, sure, faces, ignored))
    ap = float(metric.compute())
    write_image(folder / "detections.png", grid(drawn))
    (folder / "metrics.json").write_text(json.dumps({"ap": ap, "images": len(source)}, indent=2) + "\n")
    log.info("%s\nAP at IoU 0.5: %.3f\n  metrics   %s", source.summary(), ap, folder / "metrics.json")
    log.info("  pictures  %s", folder / "detections.png")
    return ap
