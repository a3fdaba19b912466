"""The steps of the cascade and their results for a batch of images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import torch

from mtcnn_lit.detections import Candidates

StepName = Literal["pnet", "pnet_nms", "rnet", "onet", "nms", "again"]


class Step(NamedTuple):
    """The result of one step of the cascade for a batch of images.

    Attributes:
        name: "pnet" (windows over its threshold), "pnet_nms", "rnet" (with its NMS), "onet", "nms", or "again", O-Net's
            second look.
        found: the candidates for the next step.
        judged: gives the step's input boxes with the scores that it gave them. Computed only when called.
        passing: for O-Net's second look, gives its regressed boxes, each with the highest O-Net threshold at which it
            would be detected, ignoring the last NMS.
    """

    name: StepName
    found: Candidates
    judged: Callable[[], Candidates]
    passing: Callable[[], Candidates] | None = None


def timed_steps(steps: Iterable[Step], device: torch.device) -> tuple[list[Step], list[float]]:
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
