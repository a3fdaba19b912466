"""Find faces: ``python scripts/detect.py input=folder input.path=DIR output=json output.path=FILE.jsonl``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout works without being installed

    from mtcnn_lit.experiment.commands import detect

    detect()
