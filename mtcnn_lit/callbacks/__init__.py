"""Callbacks of training: AP of the cascade, pictures, histograms."""

from mtcnn_lit.callbacks.cascade_ap import CascadeAP
from mtcnn_lit.callbacks.patch_sheet import PatchSheet
from mtcnn_lit.callbacks.render_detections import RenderDetections
from mtcnn_lit.callbacks.running_mean import RunningMean
from mtcnn_lit.callbacks.score_histogram import ScoreHistogram

__all__ = ["CascadeAP", "PatchSheet", "RenderDetections", "RunningMean", "ScoreHistogram"]
