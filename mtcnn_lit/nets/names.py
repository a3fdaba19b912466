"""The networks by their names."""

from __future__ import annotations

from typing import TypeAlias

from mtcnn_lit.nets.onet import ONet
from mtcnn_lit.nets.pnet import PNet
from mtcnn_lit.nets.rnet import RNet

Net: TypeAlias = PNet | RNet | ONet

NETS: dict[str, type[PNet] | type[RNet] | type[ONet]] = {"pnet": PNet, "rnet": RNet, "onet": ONet}
