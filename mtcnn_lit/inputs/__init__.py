"""Where pictures come from, one at a time and by name."""

from mtcnn_lit.inputs.files import FolderInput, ImageInput
from mtcnn_lit.inputs.video import VideoInput
from mtcnn_lit.inputs.webcam import WebcamInput

__all__ = ["FolderInput", "ImageInput", "VideoInput", "WebcamInput"]
