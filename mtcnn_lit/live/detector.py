"""The detector for live display: the time of each network, and an adjustable threshold."""

from __future__ import annotations

from mtcnn_lit.cascade import StepName, timed_steps
from mtcnn_lit.detections import Detections
from mtcnn_lit.images import Image
from mtcnn_lit.mtcnn import MTCNN
from mtcnn_lit.parallel import one_thread

_NETWORK: dict[StepName, str] = {"pnet": "P", "pnet_nms": "P", "rnet": "R", "onet": "O", "nms": "O", "again": "O"}


class LiveDetector:
    """Detects what `MTCNN` detects, picture by picture.

    Attributes:
        times: seconds of each network for the last picture, including its NMS: "P", "R" and "O".
    """

    def __init__(self, detector: MTCNN) -> None:
        self._cascade = detector.cascade
        self.times = dict.fromkeys(_NETWORK.values(), 0.0)

    @property
    def threshold(self) -> float:
        """The lowest score that passes the last network; clamped to [0, 1] when set."""
        return self._cascade.thresholds[2]

    @threshold.setter
    def threshold(self, value: float) -> None:
        first, second, _ = self._cascade.thresholds
        self._cascade = self._cascade.with_thresholds(first, second, min(max(value, 0.0), 1.0))

    def detect(self, image: Image) -> Detections:
        """Faces of one uint8 RGB array (H, W, 3)."""
        with one_thread():  # once, not for each step
            steps, seconds = timed_steps(self._cascade.steps([image]), self._cascade.device)
        self.times = dict.fromkeys(self.times, 0.0)
        for step, taken in zip(steps, seconds, strict=True):
            self.times[_NETWORK[step.name]] += taken
        return steps[-1].found.by_image(1)[0]
