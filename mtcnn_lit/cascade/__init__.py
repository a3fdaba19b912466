"""The cascade: image pyramid → P-Net → R-Net → O-Net; it knows no Lightning and no Hydra."""

from mtcnn_lit.cascade.cascade import Cascade
from mtcnn_lit.cascade.pyramid import Pyramid, pyramid_scales
from mtcnn_lit.cascade.steps import Step, StepName, timed_steps

__all__ = ["Cascade", "Pyramid", "Step", "StepName", "pyramid_scales", "timed_steps"]
