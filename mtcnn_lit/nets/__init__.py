"""The three networks as plain modules, the normalisation of their input, and their weights on disk."""

from mtcnn_lit.nets.batch_norm import add_batch_norm, init_as_identity
from mtcnn_lit.nets.names import NET_TITLES, NETS, Net, nets_before
from mtcnn_lit.nets.normalize import normalize
from mtcnn_lit.nets.onet import ONet
from mtcnn_lit.nets.pnet import PNet
from mtcnn_lit.nets.precision import half_precision
from mtcnn_lit.nets.rnet import RNet
from mtcnn_lit.nets.weights import WeightsError, load_net, short_digest, weights_digest

__all__ = [
    "NETS",
    "NET_TITLES",
    "Net",
    "ONet",
    "PNet",
    "RNet",
    "WeightsError",
    "add_batch_norm",
    "half_precision",
    "init_as_identity",
    "load_net",
    "nets_before",
    "normalize",
    "short_digest",
    "weights_digest",
]
