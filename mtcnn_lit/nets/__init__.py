"""The three networks as plain modules, their common input, and their weights on disk."""

from mtcnn_lit.nets.normalize import normalize
from mtcnn_lit.nets.onet import ONet
from mtcnn_lit.nets.pnet import PNet
from mtcnn_lit.nets.precision import half_precision
from mtcnn_lit.nets.rnet import RNet
from mtcnn_lit.nets.weights import NETS, Net, WeightsError, load_net, weights_digest

__all__ = [
    "NETS",
    "Net",
    "ONet",
    "PNet",
    "RNet",
    "WeightsError",
    "half_precision",
    "load_net",
    "normalize",
    "weights_digest",
]
