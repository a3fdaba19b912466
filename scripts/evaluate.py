"""Measure the cascade on a source's test split: ``python scripts/evaluate.py source=widerface source.root=DIR``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root))  # a checkout works without being installed

    from mtcnn_lit.experiment.cli import plain_list, run
    from mtcnn_lit.experiment.evaluate import evaluate

    sys.argv[1:] = plain_list(sys.argv[1:], "recall")
    run(evaluate, str(root / "configs"), "evaluate")
