"""The precision that networks compute in when they detect."""

from __future__ import annotations

import torch


def half_precision(device: torch.device) -> torch.autocast:
    """Autocast to float16 on a GPU; no effect on a CPU."""
    return torch.autocast(device.type, torch.float16, enabled=device.type == "cuda")
