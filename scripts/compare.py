"""Curves and figures of runs beside each other: ``python scripts/compare.py runs=outputs/train,outputs/sweeps``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout works without being installed

    from mtcnn_lit.experiment.commands import compare

    compare()
