"""The precision that training computes in, by what the machine has instructions for."""

from __future__ import annotations

import logging
from typing import Any

HALF, FULL = "bf16-mixed", "32-true"

log = logging.getLogger(__name__)


def half_if_fast(accelerator: str) -> str:
    """Half precision on a GPU and on a CPU that trains faster in it, else `32-true`; ``${half_if_fast:…}`` in configs.

    Without instructions for bfloat16, torch takes many times as long over a convolution as in float32.
    """
    return HALF if accelerator in ("gpu", "cuda") or _computes_in_bfloat16() else FULL


def warn_of_slow_precision(trainer: Any) -> None:
    """Say so when a configured trainer is to compute in a precision that this CPU has no instructions for."""
    if trainer.get("accelerator") == "cpu" and "bf16" in str(trainer.get("precision")) and not _computes_in_bfloat16():
        log.warning(
            "trainer.precision=%s: this processor has no instructions for it and takes many times as long; "
            "take trainer.precision=%s",
            trainer.precision,
            FULL,
        )


def _computes_in_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16 that torch trains with: AVX-512's or AMX's."""
    import torch  # not before it is asked: commands that train nothing compose faster without

    # An older torch doesn't tell.
    has: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
