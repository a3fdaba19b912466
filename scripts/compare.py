"""Curves and figures of runs beside each other: ``python scripts/compare.py runs=outputs/train,outputs/sweeps``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root))  # a checkout works without being installed

    from mtcnn_lit.experiment.cli import plain_list, run
    from mtcnn_lit.experiment.compare import compare

    sys.argv[1:] = plain_list(sys.argv[1:], "runs")
    run(compare, str(root / "configs"), "compare")
