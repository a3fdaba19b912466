"""The evaluation at the end of a training run, on the validation images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger

from mtcnn_lit.callbacks.tensorboard import tensorboard_loggers
from mtcnn_lit.evaluation import Scores, detect_split, score, write_evaluation
from mtcnn_lit.experiment.build_experiment import Experiment
from mtcnn_lit.experiment.runs import EVALUATION
from mtcnn_lit.nets import Net, weights_digest

_DRAW_ABOVE = 0.7


def evaluate_best(experiment: Experiment, net: Net, run: Path) -> Scores:
    """Evaluate the cascade that ends with ``net``, the run's best one, as `scripts/evaluate.py` does a detector.

    Writes the report below the run's folder and its pictures to TensorBoard.
    """
    cascade = experiment.make_cascade(net)
    found = detect_split(cascade, experiment.data.sources["val"])
    scores = score(found)
    about: dict[str, Any] = {
        "stage": experiment.stage.name,
        "detector": cascade.settings(),
        "weights": {**experiment.upstream, experiment.stage.name: weights_digest(net)},
    }
    pictures = write_evaluation(found, scores, about, run / EVALUATION, _DRAW_ABOVE)
    for logger in tensorboard_loggers(experiment.trainer):
        _show(logger, pictures, experiment.trainer.global_step)
    return scores


def _show(logger: TensorBoardLogger, pictures: dict[str, bytes], step: int) -> None:
    for name, png in pictures.items():
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
        logger.experiment.add_image(f"{EVALUATION}/{name}", picture, step, dataformats="HWC")
