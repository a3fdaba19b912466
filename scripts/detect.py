"""Find faces: ``python scripts/detect.py input=folder input.path=DIR output=json output.path=FILE.jsonl``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root))  # a checkout works without being installed

    from mtcnn_lit.experiment.cli import plain_list, plain_paths, run
    from mtcnn_lit.experiment.detect import detect

    sys.argv[1:] = plain_paths(plain_list(sys.argv[1:], "output"))
    run(detect, str(root / "configs"), "detect")
