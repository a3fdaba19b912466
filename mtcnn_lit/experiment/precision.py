"""The precision of training, by the machine's instruction sets."""

from __future__ import annotations

import logging
from typing import Any

HALF, FULL = "bf16-mixed", "32-true"

log = logging.getLogger(__name__)


def half_if_fast(accelerator: str) -> str:
    """`bf16-mixed` on a GPU and on CPUs with bfloat16 instructions, else `32-true`; ``${half_if_fast:…}`` in configs.

    Without such instructions a bfloat16 convolution takes many times as long as in float32.
    """
    return HALF if accelerator in ("gpu", "cuda") or _computes_in_bfloat16() else FULL


def warn_of_slow_precision(trainer: Any) -> None:
    """Warn if a trainer is configured for a precision without instructions on this CPU."""
    if trainer.get("accelerator") == "cpu" and "bf16" in str(trainer.get("precision")) and not _computes_in_bfloat16():
        log.warning(
            "trainer.precision=%s: this processor has no instructions for it and takes many times as long; "
            "take trainer.precision=%s",
            trainer.precision,
            FULL,
        )


def _computes_in_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16 that torch trains with: AVX-512's or AMX's."""
    import torch  # imported late: commands that train nothing compose faster

    # Older torch has no such function.
    has: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
