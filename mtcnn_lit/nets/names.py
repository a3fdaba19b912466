"""The networks by their names."""

from __future__ import annotations

from typing import TypeAlias

from mtcnn_lit.nets.onet import ONet
from mtcnn_lit.nets.pnet import PNet
from mtcnn_lit.nets.rnet import RNet

Net: TypeAlias = PNet | RNet | ONet

NETS: dict[str, type[PNet] | type[RNet] | type[ONet]] = {"pnet": PNet, "rnet": RNet, "onet": ONet}
NET_TITLES = {"pnet": "P-Net", "rnet": "R-Net", "onet": "O-Net"}


def nets_before(name: str) -> list[str]:
    """The networks of the cascade before this one, in order."""
    names = list(NETS)
    return names[: names.index(name)]
