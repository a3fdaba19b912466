"""`MTCNN`: the detector's Python interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.detections import Detections
from mtcnn_lit.images import Image, ImageError, as_rgb, read_image
from mtcnn_lit.nets import ONet, PNet, RNet, load_net
from mtcnn_lit.nets.weights import PRETRAINED
from mtcnn_lit.onnx_backend import run_by_onnx

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

Picture: TypeAlias = "Image | Tensor | PilImage | str | Path"
_Picture = TypeVar("_Picture", bound=Picture)


class MTCNN:
    """Finds faces in pictures.

    Example::

        detector = MTCNN.from_pretrained()
        detections = detector.detect("picture.jpg")
        detections.boxes, detections.scores  # (N, 4) float32 pixels, (N,) float32, best first
    """

    def __init__(self, cascade: Cascade) -> None:
        self.cascade = cascade

    @classmethod
    def from_pretrained(
        cls,
        *,
        min_face_size: float = 20,
        scale_factor: float = 0.709,
        thresholds: tuple[float, float, float] = (0.65, 0.15, 0.5),
        device: str | torch.device = "auto",
        backend: Literal["torch", "onnx"] = "torch",
    ) -> MTCNN:
        """A detector with the weights that come with the package; the arguments are those of `from_checkpoints`."""
        return cls.from_checkpoints(
            *[PRETRAINED] * 3,
            min_face_size=min_face_size,
            scale_factor=scale_factor,
            thresholds=thresholds,
            device=device,
            backend=backend,
        )

    @classmethod
    def from_checkpoints(
        cls,
        pnet: str | Path,
        rnet: str | Path,
        onet: str | Path,
        *,
        min_face_size: float = 20,
        scale_factor: float = 0.709,
        thresholds: tuple[float, float, float] = (0.65, 0.15, 0.5),
        device: str | torch.device = "auto",
        backend: Literal["torch", "onnx"] = "torch",
    ) -> MTCNN:
        """A detector with the weights of three training runs: their folders, checkpoints or safetensors files.

        Args:
            min_face_size: smallest face looked for, px; larger is faster.
            scale_factor: from one level of the image pyramid to the next.
            thresholds: lowest score that passes P-Net, R-Net and O-Net.
            device: where to run; "auto" takes a GPU when there is one.
            backend: what computes the networks; "onnx" is ONNX Runtime, on the CPU (an extra, ``mtcnn-lit[onnx]``).

        Raises:
            mtcnn_lit.nets.WeightsError: when a checkpoint is missing, broken or one of another network.
            mtcnn_lit.onnx_backend.OnnxError: when packages for ONNX are missing.
            ValueError: when there is no such backend or device, or a setting is out of its range.
        """
        place = _pick_place(device, backend)
        nets = [load_net(path, name).to(place) for path, name in ((pnet, "pnet"), (rnet, "rnet"), (onet, "onet"))]
        if backend == "onnx":
            nets = [run_by_onnx(net) for net in nets]
        first, second, third = nets
        assert isinstance(first, PNet)
        assert isinstance(second, RNet)
        assert isinstance(third, ONet)
        return cls(Cascade(first, second, third, min_face_size, scale_factor, thresholds))

    @overload
    def detect(self, images: Picture, *, bgr: bool = False) -> Detections: ...
    @overload
    def detect(self, images: list[_Picture] | tuple[_Picture, ...], *, bgr: bool = False) -> list[Detections]: ...
    def detect(
        self, images: Picture | list[_Picture] | tuple[_Picture, ...], *, bgr: bool = False
    ) -> Detections | list[Detections]:
        """Faces of one picture, or of each in a list, whose files are read a few at a time.

        Args:
            images: a path; a PIL image; an RGB array, uint8 (H, W, 3); or an RGB tensor, uint8 (3, H, W) or (H, W, 3).
            bgr: whether arrays have their channels in OpenCV's order, blue first.

        Raises:
            mtcnn_lit.images.ImageError: when something is no picture; the message says what is taken. In a list that is
                noticed when its turn comes.
        """
        if isinstance(images, list | tuple):
            return self.cascade.detect(_as_image(image, bgr) for image in images)
        return self.cascade.detect([_as_image(images, bgr)])[0]


def pick_device(device: str | torch.device) -> torch.device:
    """The device of that name; "auto" is a GPU when there is one, else the CPU.

    Raises:
        ValueError: when torch has no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        made = torch.empty(0, device=device)
        made.cpu()  # an error on `meta`, which computes nothing
        return made.device
    except (RuntimeError, AssertionError) as error:  # the latter by a torch that was built without GPUs
        raise ValueError(f"device {str(device)!r}: torch finds none here; take cpu or auto") from error


def _pick_place(device: str | torch.device, backend: str) -> torch.device:
    """The device for that backend."""
    if backend == "torch":
        return pick_device(device)
    if backend != "onnx":
        raise ValueError(f"backend must be torch or onnx, not {backend}")
    if str(device).partition(":")[0] not in ("auto", "cpu"):
        raise ValueError(f"backend onnx runs on the CPU: set device to cpu or auto, not {device}")
    return torch.device("cpu")


def _as_image(picture: Any, bgr: bool) -> Image:
    if isinstance(picture, np.ndarray):
        image = as_rgb(picture)
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8) if bgr else image
    if bgr:
        raise ImageError(f"bgr=True is for arrays, not {type(picture).__name__}: files and PIL images know their order")
    if isinstance(picture, str | Path):
        return read_image(picture)
    if hasattr(picture, "convert"):  # a PIL image, without importing PIL
        return _from_pil(picture)
    return as_rgb(_as_array(picture) if isinstance(picture, Tensor) else picture)


def _from_pil(picture: PilImage) -> Image:
    if picture.mode.startswith(("I", "F")):  # convert would cut off all that is brighter than 255
        raise ImageError(f"a PIL image of mode {picture.mode} has no 8-bit pixels: convert it, or give its path")
    try:
        straight = picture.convert("LA") if picture.mode == "La" else picture  # the only mode without a way to RGB
        pixels = np.asarray(straight.convert("RGB"))
    except Exception as error:  # it is read from its file only now; Pillow raises almost anything on a broken one
        raise ImageError(f"can't read the PIL image: {error}") from error
    return as_rgb(pixels)


def _as_array(picture: Tensor) -> npt.NDArray[Any]:
    """The tensor's pixels on the CPU, channels last."""
    try:
        pixels = picture.detach().cpu()
        if pixels.ndim == 3 and pixels.shape[2] != 3 and pixels.shape[0] == 3:
            pixels = pixels.permute(1, 2, 0)
        return np.asarray(pixels)
    except (RuntimeError, TypeError) as error:  # torch has kinds of tensors without pixels, or that NumPy has not
        problem = str(error).splitlines()[0]
        raise ImageError(f"an image must be a dense uint8 tensor (3, H, W) or (H, W, 3): {problem}") from error
