"""Weights on disk: read a network from a training checkpoint, safely and with clear errors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeAlias

import torch

from mtcnn_lit.nets.onet import ONet
from mtcnn_lit.nets.pnet import PNet
from mtcnn_lit.nets.rnet import RNet

Net: TypeAlias = PNet | RNet | ONet

NETS: dict[str, type[PNet] | type[RNet] | type[ONet]] = {"pnet": PNet, "rnet": RNet, "onet": ONet}

# Lightning keeps the module's attribute name in front of each weight's name.
_PREFIX = "net."


class WeightsError(ValueError):
    """Weights that can't be used; the message names the file and the remedy."""


def load_net(path: str | Path, name: str) -> Net:
    """The network ``name`` (pnet, rnet or onet) with the weights of a checkpoint, ready to run (eval mode, CPU).

    Args:
        path: a ``.ckpt`` file of a training run, or the run's folder (its best checkpoint is taken).

    Raises:
        WeightsError: when the file is missing, no checkpoint, or one of another network.
    """
    path = checkpoint_file(path)
    checkpoint = _read(path)
    trained = checkpoint["hyper_parameters"].get("net")
    if trained != name:
        raise WeightsError(f"{path} holds weights of {trained or 'something else'}, but {name} is asked for")
    state = checkpoint["state_dict"].items()
    weights = {key.removeprefix(_PREFIX): value for key, value in state if key.startswith(_PREFIX)}
    net = NETS[name]()
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise WeightsError(f"the weights in {path} do not fit {name}: {str(error).splitlines()[-1].strip()}") from error
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own stubs
    return net.eval()


def checkpoint_file(path: str | Path) -> Path:
    """The checkpoint that a path means: the file itself, or the best one of a run's folder.

    Raises:
        WeightsError: when there is none.
    """
    path = Path(path)
    if path.is_dir():
        best = path / "checkpoints" / "best.ckpt"
        if not best.is_file():
            raise WeightsError(f"no checkpoints/best.ckpt in {path}: name a finished run's folder or a .ckpt file")
        return best
    if not path.is_file():
        raise WeightsError(f"no checkpoint at {path}: name a .ckpt file or a run's folder")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises almost anything on a broken file
        kind = type(error).__name__
        raise WeightsError(f"{path} is no checkpoint that can be read, or holds more than weights ({kind})") from error
    parts = ("state_dict", "hyper_parameters")
    if not isinstance(checkpoint, dict) or not all(isinstance(checkpoint.get(part), dict) for part in parts):
        raise WeightsError(f"{path} is not a training checkpoint: it has no {' and '.join(parts)}")
    return checkpoint


def weights_digest(net: torch.nn.Module) -> str:
    """A digest of a network's weights: equal for equal weights, wherever they came from."""
    digest = hashlib.sha256()
    for key, value in sorted(net.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
