"""Recognise and reword errors by which Lightning rejects a setting."""

from __future__ import annotations

import os
import traceback

from lightning.fabric.utilities.exceptions import MisconfigurationException


def is_refusal(error: Exception) -> bool:
    """Whether Lightning rejects a setting: by its own error or a built-in one, as for `val_check_interval`."""
    *_, (raised_in, _) = traceback.walk_tb(error.__traceback__)
    its_own = str(raised_in.f_globals.get("__name__")).startswith("lightning.")
    return isinstance(error, MisconfigurationException) or (isinstance(error, ValueError | RuntimeError) and its_own)


def refusal(error: Exception) -> str:
    """Lightning's message, except where its advice would start several processes."""
    if "--ntasks=" in str(error):
        tasks = os.environ["SLURM_NTASKS"]
        return (
            f"SLURM is told --ntasks={tasks}, which are {tasks} processes; "
            f"for one take sbatch --ntasks-per-node=1 --cpus-per-task={tasks}"
        )
    return str(error).strip()
