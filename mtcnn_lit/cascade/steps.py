"""The steps of the cascade, and what each makes of a batch of images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import torch

from mtcnn_lit.detections import Candidates

StepName = Literal["pnet", "pnet_nms", "rnet", "onet", "nms", "again"]


class Step(NamedTuple):
    """What one step of the cascade made of a batch of images.

    Attributes:
        name: "pnet" (windows over its threshold), "pnet_nms", "rnet" (with its NMS), "onet", "nms", or "again", O-Net's
            second look.
        found: what goes on to the next step.
        judged: gives what the step had to decide on, with its scores: boxes as they came in. Made only when asked for.
        passing: of O-Net's second look, gives the boxes that it had to decide on, where it moved them to, each with the
            highest of O-Net's thresholds at which it would be detected, but for the last NMS.
    """

    name: StepName
    found: Candidates
    judged: Callable[[], Candidates]
    passing: Callable[[], Candidates] | None = None


def timed(steps: Iterable[Step], device: torch.device) -> tuple[list[Step], list[float]]:
    """The steps of a batch and the seconds that each took."""
    done, seconds = [], []
    start = time.perf_counter()
    for step in steps:
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        end = time.perf_counter()
        done.append(step)
        seconds.append(end - start)
        start = end
    return done, seconds
