"""The networks as ONNX files: ``python scripts/export.py export.path=FOLDER [detector.weights.pnet=RUN …]``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout works without being installed

    from mtcnn_lit.experiment.commands import export

    export()
