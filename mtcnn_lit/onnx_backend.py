"""The networks as ONNX models, run by ONNX Runtime instead of PyTorch.

The only module that imports onnx and onnxruntime, and only when it is used: they are an extra, ``mtcnn-lit[onnx]``.
"""

from __future__ import annotations

import tempfile
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from mtcnn_lit.errors import UserError
from mtcnn_lit.nets import Net, PNet, weights_digest

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_Net = TypeVar("_Net", bound=Net)

# From 2022 and sufficient: other programs that read the files lag behind the newest opset.
_OPSET = 17

_CROP_AXES = {"images": {0: "batch"}, "logits": {0: "batch"}, "offsets": {0: "batch"}}
_PICTURE_AXES = {
    "images": {0: "batch", 2: "height", 3: "width"},
    "logits": {0: "batch", 1: "rows", 2: "columns"},
    "offsets": {0: "batch", 2: "rows", 3: "columns"},
}

# An export changes the state of torch and of `warnings` for the whole process while it runs.
_one_export = threading.Lock()


class OnnxError(UserError):
    """A network that ONNX can't run here; the message names the reason and the remedy."""


def to_onnx(net: Net) -> bytes:
    """A network as a checked ONNX model, the content of an ``.onnx`` file.

    Shape:
        - Input ``images``, ``logits`` and ``offsets``: as the network's own (see `PNet`, `RNet`, `ONet`), normalised
          float32 and any batch size; for P-Net, any height and width from its window on.

    Raises:
        OnnxError: when a package is missing.
    """
    _require_packages()
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.onnx"
        _export(net, file)
        model = onnx.load(file)
    about = {"net": type(net).__name__, "images": "RGB, (pixel - 127.5) / 128", "weights": weights_digest(net)}
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _export(net: Net, file: Path) -> None:
    # The crop networks take one size only. P-Net takes any; two unequal sides stand for it here.
    free = isinstance(net, PNet)
    height, width = (net.input_size + 7, net.input_size + 12) if free else (net.input_size, net.input_size)
    images = torch.zeros(1, 3, height, width, dtype=torch.float32)
    with _one_export, torch.autocast("cpu", enabled=False), warnings.catch_warnings():
        # It points to its successor, which takes 5 s instead of 0.1 s for the same graph and needs another package.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            net,
            (images,),
            file,
            input_names=["images"],
            output_names=["logits", "offsets"],
            dynamic_axes=_PICTURE_AXES if free else _CROP_AXES,
            opset_version=_OPSET,
            dynamo=False,
        )


def run_by_onnx(net: _Net) -> _Net:
    """The same network object, whose ``forward`` is computed by ONNX Runtime from now on.

    Raises:
        OnnxError: when a package is missing.
    """
    net.forward = OnnxForward(to_onnx(net))  # type: ignore[method-assign]  # weights, window and stride stay
    return net


class OnnxForward:
    """Takes the place of a network's ``forward``: ONNX Runtime on the CPU, with as many threads as torch has.

    It can be pickled, so that worker processes make sessions of their own.

    Args:
        model: an ONNX model as `to_onnx` makes it.

    Shape: as the network's
    """

    def __init__(self, model: bytes) -> None:
        self.model = model
        self._sessions: dict[int, InferenceSession] = {}  # by number of threads

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Face logits and box offsets."""
        threads = torch.get_num_threads()
        if threads not in self._sessions:
            self._sessions[threads] = _session(self.model, threads)
        pixels = np.ascontiguousarray(images.numpy())
        logits, offsets = self._sessions[threads].run(None, {"images": pixels})
        return torch.from_numpy(logits), torch.from_numpy(offsets)

    def __reduce__(self) -> tuple[type[OnnxForward], tuple[bytes]]:
        return OnnxForward, (self.model,)


def _session(model: bytes, threads: int) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _require_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise OnnxError(f"packages for ONNX are missing ({error}): pip install 'mtcnn-lit[onnx]'") from error
