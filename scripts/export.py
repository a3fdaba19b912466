"""The networks as ONNX files: ``python scripts/export.py export.path=FOLDER [detector.weights.pnet=RUN …]``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root))  # a checkout works without being installed

    from mtcnn_lit.experiment.cli import run
    from mtcnn_lit.experiment.export import export

    run(export, str(root / "configs"), "export")
