"""Command lines as users give them, in processes of their own, on few small synthetic pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SMALL = [
    "source.num_images={train: 24, val: 6, test: 6}",
    "source.image_size=[160, 200]",
    "source.faces_per_image=[1, 3]",
    "source.face_height=[24, 80]",
    "data.batch_size=40",
    "data.workers=0",
    "data.mining_workers=1",
    "callbacks.cascade_ap.images=6",
    "callbacks.render_detections.images=4",
]


def command(output: Path, *overrides: str, script: str = "train.py") -> list[str]:
    return [sys.executable, str(ROOT / script), *overrides, f"paths.output_dir={output}"]


def train(output: Path, *overrides: str) -> str:
    """Run to the end; what was printed."""
    result = subprocess.run(
        command(output, *overrides, *SMALL), cwd=output, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    assert len(found) == 1, found
    return found[0]
