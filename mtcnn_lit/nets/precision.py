"""The precision that networks compute in when they detect."""

from __future__ import annotations

import torch


def half_precision(device: torch.device) -> torch.autocast:
    """Half precision inside, on a GPU; on a CPU nothing changes."""
    return torch.autocast(device.type, torch.float16, enabled=device.type == "cuda")
