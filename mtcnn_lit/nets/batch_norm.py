"""Batch normalisation of a network in training, folded into its weights afterwards."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from mtcnn_lit.nets.names import Net
from mtcnn_lit.nets.pooling import MaxPool

# Weight of the newest batch in the running mean and variance, and the term added to the variance.
_MOMENTUM, _EPSILON = 0.1, 1e-5


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy 2015) with negative scales clamped to 0, hence monotone.

    So it can follow max pooling, with a quarter of the work, and still be folded into the layer before: see
    `mtcnn_lit.nets.activation.MonotonePReLU`.

    Args:
        channels: of the features.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Shape: (N, C, ...) -> the same."""
        scale, statistics = self.weight.clamp(min=0), (self.running_mean, self.running_var)
        return functional.batch_norm(features, *statistics, scale, self.bias, self.training, _MOMENTUM, _EPSILON)

    def keep(self, features: Tensor) -> None:
        """Initialise statistics, scale and shift so that these features (N, C, ...) pass unchanged."""
        variance, mean = torch.var_mean(features.transpose(0, 1).flatten(1), dim=1, correction=0)
        for own, taken in (
            (self.running_mean, mean),
            (self.running_var, variance),
            (self.weight, (variance + _EPSILON).sqrt()),
            (self.bias, mean),
        ):
            own.copy_(taken)


def add_batch_norm(net: Net) -> Net:
    """The network with batch normalisation after each layer of its features, or after the pooling behind it."""
    given, layers = list(net.features), list[nn.Module]()
    for layer, following in zip(given, [*given[1:], None], strict=True):
        layers.append(layer)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            channels = layer.weight.shape[0]
        if isinstance(layer, nn.Conv2d | nn.Linear | MaxPool) and not isinstance(following, MaxPool):
            layers.append(BatchNorm(channels))
    net.features = nn.Sequential(*layers)
    return net


@torch.no_grad()
def fold_batch_norm(net: Net) -> Net:
    """A copy of a trained network with batch normalisation folded into the weights of its layers."""
    net = copy.deepcopy(net)
    norms = [layer for layer in net.features if isinstance(layer, BatchNorm)]
    weighted = [layer for layer in net.features if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer, norm in zip(weighted, norms, strict=bool(norms)):
        fuse = fuse_conv_bn_weights if isinstance(layer, nn.Conv2d) else fuse_linear_bn_weights
        statistics = (norm.running_mean, norm.running_var, _EPSILON)
        layer.weight, layer.bias = fuse(layer.weight, layer.bias, *statistics, norm.weight.clamp(min=0), norm.bias)
    net.features = nn.Sequential(*(layer for layer in net.features if not isinstance(layer, BatchNorm)))
    return net


@torch.no_grad()
def init_as_identity(net: nn.Module, inputs: Tensor) -> None:
    """Make batch normalisation the identity on these inputs, when training starts from existing weights.

    Args:
        inputs: training patches, (N, 3, S, S) as the network takes them.
    """
    hooks = [
        norm.register_forward_pre_hook(lambda norm, features: norm.keep(*features))
        for norm in net.modules()
        if isinstance(norm, BatchNorm)
    ]
    training = net.training
    net.eval()(inputs)
    net.train(training)
    for hook in hooks:
        hook.remove()


def has_batch_norm(names: Iterable[str]) -> bool:
    """Whether weights with these names belong to a network with batch normalisation."""
    return any(name.endswith("running_mean") for name in names)
