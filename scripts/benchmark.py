"""How fast detection, training and mining are here: ``python scripts/benchmark.py images=PICTURES``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root))  # a checkout works without being installed

    from mtcnn_lit.experiment.benchmark import benchmark
    from mtcnn_lit.experiment.cli import run

    run(benchmark, str(root / "configs"), "benchmark")
