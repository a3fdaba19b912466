"""Where pictures come from, one at a time and by name."""

from mtcnn_lit.inputs.files import FolderInput, ImageInput

__all__ = ["FolderInput", "ImageInput"]
