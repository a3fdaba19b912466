"""What Lightning refuses, and in which words."""

from __future__ import annotations

import os
import traceback

from lightning.fabric.utilities.exceptions import MisconfigurationException


def is_refusal(error: Exception) -> bool:
    """Whether Lightning refuses a setting: beside errors of its own it raises Python's, as for `val_check_interval`."""
    *_, (raised_in, _) = traceback.walk_tb(error.__traceback__)
    its_own = str(raised_in.f_globals.get("__name__")).startswith("lightning.")
    return isinstance(error, MisconfigurationException) or (isinstance(error, ValueError | RuntimeError) and its_own)


def refusal(error: Exception) -> str:
    """Lightning's words, but for where they advise what would train in several processes."""
    if "--ntasks=" in str(error):
        tasks = os.environ["SLURM_NTASKS"]
        return (
            f"SLURM is told --ntasks={tasks}, which are {tasks} processes; "
            f"for one take sbatch --ntasks-per-node=1 --cpus-per-task={tasks}"
        )
    return str(error).strip()
