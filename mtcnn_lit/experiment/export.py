"""Export the three networks as ONNX files; all are compared with PyTorch before any is written."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

import torch
from omegaconf import DictConfig

from mtcnn_lit.experiment.check import ConfigError, check_config
from mtcnn_lit.experiment.detect import chosen_weights
from mtcnn_lit.experiment.output import refuse_sharing
from mtcnn_lit.files import write_atomically
from mtcnn_lit.nets import NETS, Net, PNet, load_net
from mtcnn_lit.onnx_backend import OnnxError, OnnxForward, to_onnx

log = logging.getLogger(__name__)

# Input sizes of the comparison. For P-Net, its window, slightly larger and common sides; odd ones take another path
# through its pooling in ceil mode.
_BATCHES = (1, 2, 33)
_MORE_THAN_A_WINDOW = (0, 1, 63, 290)

# Rounding errors are about 1e-5; a wrong graph is far beyond.
_MOST_DIFFERENCE = 1e-3


def export(config: DictConfig) -> None:
    """Write ``pnet.onnx``, ``rnet.onnx`` and ``onet.onnx`` into a folder and log how far they are from PyTorch.

    Raises:
        WeightsError: when weights are missing or unusable.
        OnnxError: when a package is missing, or a model's output differs from the network's.
        ConfigError: when a file can't be written, or a sweep's jobs would all write to one folder.
    """
    check_config(config)
    if not config.export.path:  # likely a mistake: the working folder
        raise ConfigError("export.path: names no folder; set it to one")
    refuse_sharing(config.export, "export.path")
    models: dict[Path, bytes] = {}
    for name, path in chosen_weights(config, list(NETS)).items():
        net = load_net(path, name)
        model = to_onnx(net)
        differences = compare(net, model)
        target = Path(config.export.path) / f"{name}.onnx"
        log.info("%s", _table(target, differences))
        if not max(differences.values()) <= _MOST_DIFFERENCE:  # in this form it rejects NaN too
            raise OnnxError(f"{name}: ONNX Runtime and PyTorch disagree; take the versions of constraints.txt")
        models[target] = model
    for target, model in models.items():
        _write(target, model)


@torch.no_grad()
def compare(net: Net, model: bytes) -> dict[tuple[int, ...], float]:
    """The largest difference between a network's output and its ONNX model's, by input shape."""
    forward, differences = OnnxForward(model), {}
    for batch, (height, width) in itertools.product(_BATCHES, _sizes(net)):
        images = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1
        pairs = zip(net(images), forward(images), strict=True)
        differences[tuple(images.shape)] = max((ours - theirs).abs().max().item() for ours, theirs in pairs)
    return differences


def _sizes(net: Net) -> list[tuple[int, int]]:
    if not isinstance(net, PNet):
        return [(net.input_size, net.input_size)]
    sides = [net.input_size + more for more in _MORE_THAN_A_WINDOW]
    return list(itertools.pairwise([sides[0], *sides]))


def _table(target: Path, differences: dict[tuple[int, ...], float]) -> str:
    lines = [f"{target}", "    input              largest difference to PyTorch"]
    for shape, difference in differences.items():
        lines.append(f"    {' x '.join(map(str, shape)):<18} {difference:.1e}")
    return "\n".join(lines)


def _write(target: Path, model: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, model)
    except OSError as error:
        raise ConfigError(f"export.path: can't write {target}: {error.strerror}") from error
