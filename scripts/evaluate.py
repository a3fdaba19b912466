"""Measure the cascade on a source's test split: ``python scripts/evaluate.py source=widerface source.root=DIR``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout works without being installed

    from mtcnn_lit.experiment.commands import evaluate

    evaluate()
