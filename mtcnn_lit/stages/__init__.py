"""One LightningModule per network."""

from mtcnn_lit.stages.base import Stage
from mtcnn_lit.stages.onet import ONetStage
from mtcnn_lit.stages.pnet import PNetStage
from mtcnn_lit.stages.rnet import RNetStage

__all__ = ["ONetStage", "PNetStage", "RNetStage", "Stage"]
