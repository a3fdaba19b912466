"""Weights on disk: read a network from a training checkpoint or a safetensors file, safely and with clear errors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mtcnn_lit.errors import UserError
from mtcnn_lit.files import write_atomically
from mtcnn_lit.nets.batch_norm import add_batch_norm, fold_batch_norm, has_batch_norm
from mtcnn_lit.nets.names import NETS, Net

# Instead of a path: the weights that come with the package.
PRETRAINED = "pretrained"
_RELEASED = Path(__file__).parents[1] / "weights"

# Lightning prefixes each weight's name with the module's attribute name.
_PREFIX = "net."


class WeightsError(UserError):
    """Unusable weights; the message names the file and the remedy."""


def load_net(path: str | Path, name: str) -> Net:
    """The network ``name`` (pnet, rnet or onet) with the weights of a file, ready to run (eval mode, CPU).

    Args:
        path: a ``.ckpt`` file of a training run, the run's folder (its best checkpoint is taken), a ``.safetensors``
            file, or "pretrained" for the released weights.

    Raises:
        WeightsError: when the file is missing, holds no weights, or those of another network.
    """
    path = weights_file(path, name)
    trained, weights = _read_safetensors(path) if path.suffix == ".safetensors" else _read_weights(path)
    if trained != name:
        raise WeightsError(f"{path} holds weights of {trained or 'something else'}, but {name} is asked for")
    net = NETS[name]().float()  # whatever torch's default dtype is
    if has_batch_norm(weights):
        net = add_batch_norm(net)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise WeightsError(f"the weights in {path} do not fit {name}: {str(error).splitlines()[-1].strip()}") from error
    # Checked after loading: then all weights are tensors, and the network's own have one dtype.
    taken = (value.isfinite().all() for value in net.state_dict().values())
    if not all(value.is_floating_point() for value in weights.values()) or not all(taken):
        raise WeightsError(f"{path} holds no finite weights, as a training that diverged leaves: take another one")
    net = fold_batch_norm(net)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own stubs
    return net.eval()


def save_net(net: Net, name: str, path: Path, about: dict[str, str]) -> None:
    """Write a network's weights as a safetensors file, atomically.

    Args:
        about: metadata to store with them, such as their origin.

    Raises:
        OSError: when the file can't be written.
    """
    weights = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(weights, metadata={"net": name, **about}))


def weights_file(path: str | Path, name: str) -> Path:
    """Resolve a path to a file: itself, the best checkpoint of a run's folder, or the released weights of ``name``.

    Raises:
        WeightsError: when there is none.
    """
    if str(path) == PRETRAINED:
        released = _RELEASED / f"{name}.safetensors"
        if not released.is_file():
            raise WeightsError(f"{released} is missing from the package: install it again, or name a run's folder")
        return released
    return checkpoint_file(path)


def checkpoint_file(path: str | Path) -> Path:
    """Resolve a path to a checkpoint: the file itself, or the best one of a run's folder.

    Raises:
        WeightsError: when there is none.
    """
    path = Path(path)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:  # e.g. a folder without access, or a name that is too long
        raise WeightsError(f"{path}: {error.strerror}; name a .ckpt file or a run's folder") from error
    if is_folder:
        best = path / "checkpoints" / "best.ckpt"
        if not best.is_file():
            raise WeightsError(f"no checkpoints/best.ckpt in {path}: name a finished run's folder or a .ckpt file")
        return best
    if not is_file:
        raise WeightsError(f"no checkpoint at {path}: name a .ckpt file or a run's folder")
    return path


def _read_safetensors(path: Path) -> tuple[str | None, dict[str, Tensor]]:
    """The name of the file's network, and its weights."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("net"), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is no safetensors file that can be read: {error}") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A training checkpoint, whole.

    Raises:
        WeightsError: when it is not a readable checkpoint.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises almost anything on a broken file
        kind = type(error).__name__
        raise WeightsError(f"{path} is no checkpoint that can be read, or holds more than weights ({kind})") from error
    parts = ("state_dict", "hyper_parameters")
    if not isinstance(checkpoint, dict) or not all(isinstance(checkpoint.get(part), dict) for part in parts):
        raise WeightsError(f"{path} is not a training checkpoint: it has no {' and '.join(parts)}")
    return checkpoint


def _read_weights(path: Path) -> tuple[str | None, dict[str, Tensor]]:
    """The name of the checkpoint's network, and its weights."""
    checkpoint = read_checkpoint(path)
    weights: dict[Any, Any] = checkpoint["state_dict"]
    named = {
        key.removeprefix(_PREFIX): value
        for key, value in weights.items()
        if isinstance(key, str) and key.startswith(_PREFIX)
    }
    trained = checkpoint["hyper_parameters"].get("net")
    return trained if isinstance(trained, str) else None, named


def weights_digest(net: torch.nn.Module) -> str:
    """SHA-256 of a network's weights and their names, independent of the file format."""
    digest = hashlib.sha256()
    for key, value in sorted(net.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def short_digest(digest: str) -> str:
    """The first 12 letters of a digest: enough to tell weights apart in logs and tables."""
    return digest[:12]
