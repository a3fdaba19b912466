"""Who may import whom, checked over the syntax trees; heavy libraries stay in their rooms.

A room is a module or package directly inside mtcnn_lit; train.py and scripts/ are the two rooms of the top floor.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]

# A room may import itself and the rooms of the floors above it in this table, never a neighbour on its own floor.
FLOORS = [
    {"boxes", "errors", "files"},
    {"detections", "images", "parallel", "prefetch", "face_sizes", "memory"},
    {"nets", "losses", "draw", "detections_file", "named_image", "worker_processes"},
    {"onnx_backend", "picture_files"},
    {"cascade", "sources"},
    {"metrics", "ledger"},
    {"mtcnn", "report"},
    {"__init__"},  # the public face: what `import mtcnn_lit` gives
    {"live"},
    {"mining", "inputs", "outputs"},
    {"data"},
    {"evaluation", "benchmark"},
    {"stages", "callbacks"},
    {"experiment"},
    {"train", "scripts"},
]
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}

# Which modules alone may import a library; a package stands for all that is in it.
RESERVED = {
    "hydra": {"experiment", "train", "scripts"},
    "omegaconf": {"experiment", "train", "scripts"},
    "lightning": {"data.datamodule", "stages", "callbacks", "experiment", "train"},
    "albumentations": {"data.augment"},
    "matplotlib": {"report"},
    "tensorboard": {"report"},
    "onnx": {"onnx_backend"},
    "onnxruntime": {"onnx_backend"},
    "facenet_pytorch": {"benchmark.facenet_worker"},  # in another Python
    "pytorch_lightning": set(),  # the same library under its old name
    "lightning_fabric": set(),
    "torchvision": set(),  # not installed
    "tests": set(),
}

# Someone who only detects loads these libraries and nothing else.
DETECTION_ROOMS = {"__init__", "mtcnn", "cascade", "nets", "boxes", "detections", "images", "draw", "onnx_backend"}
DETECTION_ROOMS |= {"errors", "files", "parallel"}
DETECTION_ROOMS |= {"inputs", "outputs", "live", "prefetch", "detections_file", "named_image", "picture_files"}
DETECTION_LIBRARIES = {"torch", "numpy", "cv2", "PIL", "safetensors"}
DETECTION_LIBRARIES |= {"onnx", "onnxruntime"}  # optional: loaded when they are asked for


def module_name(path: PurePosixPath) -> str:
    """`mtcnn_lit/data/augment.py` → `data.augment`, `mtcnn_lit/data/__init__.py` → `data`, `train.py` → `train`."""
    parts = list(path.with_suffix("").parts)
    if parts[0] == "mtcnn_lit":
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


def imported_names(path: PurePosixPath, source: str) -> Iterator[tuple[int, str]]:
    """The line and full dotted name of all that a file imports, relative imports resolved, at any depth of the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            package = path.parts[: -node.level] if node.level else ()
            base = ".".join([*package, *filter(None, [node.module])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def room_of(name: str) -> str | None:
    """The room that a full dotted name lies in; None for a library. `mtcnn_lit.MTCNN` lies in the public face."""
    head, _, rest = name.partition(".")
    if head in ("train", "scripts"):
        return head
    if head != "mtcnn_lit":
        return None
    room = rest.partition(".")[0]
    is_module = room in FLOOR_OF or (ROOT / "mtcnn_lit" / room).is_dir() or (ROOT / "mtcnn_lit" / f"{room}.py").exists()
    return room if room and is_module else "__init__"


def is_within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def violations(path: PurePosixPath, source: str) -> list[str]:
    """What the imports of one file break, in words."""
    module = module_name(path)
    room = module.partition(".")[0]
    if room not in FLOOR_OF:
        return [f"{path}: the room '{room}' is unknown, add it to FLOORS in tests/test_layers.py"]
    found = set()
    for line, name in imported_names(path, source):
        target = room_of(name)
        library = name.partition(".")[0]
        if target is None:
            if library in RESERVED and not is_within(module, RESERVED[library]):
                found.add((line, f"{module} must not import {library}"))
            elif room in DETECTION_ROOMS and library not in DETECTION_LIBRARIES | sys.stdlib_module_names:
                found.add((line, f"{module} must not import {library}, which detection does without"))
        elif target not in FLOOR_OF:
            found.add((line, f"the room '{target}' is unknown, add it to FLOORS in tests/test_layers.py"))
        elif target != room and FLOOR_OF[target] >= FLOOR_OF[room]:
            found.add((line, f"{module} must not import {target}"))
    return [f"{path}:{line}: {message}" for line, message in sorted(found)]


def project_files() -> list[PurePosixPath]:
    files = [*ROOT.glob("mtcnn_lit/**/*.py"), *ROOT.glob("scripts/**/*.py"), *ROOT.glob("train.py")]
    return sorted(PurePosixPath(file.relative_to(ROOT).as_posix()) for file in files)


@pytest.mark.parametrize("path", project_files(), ids=str)
def test_a_file_imports_only_what_its_room_may(path):
    assert violations(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("mtcnn_lit/boxes.py", "from mtcnn_lit.detections import Detections", "boxes must not import detections"),
        ("mtcnn_lit/boxes.py", "from mtcnn_lit import detections", "boxes must not import detections"),
        ("mtcnn_lit/boxes.py", "from . import detections", "boxes must not import detections"),
        ("mtcnn_lit/nets/pnet.py", "from ..cascade import Cascade", "nets.pnet must not import cascade"),
        (
            "mtcnn_lit/cascade/cascade.py",
            "def f():\n    import mtcnn_lit.mining.store",
            ":2: cascade.cascade must not import mining",
        ),
        ("mtcnn_lit/cascade/cascade.py", "from mtcnn_lit import MTCNN", "cascade.cascade must not import __init__"),
        ("mtcnn_lit/cascade/cascade.py", "import lightning as L", "cascade.cascade must not import lightning"),
        ("mtcnn_lit/cascade/cascade.py", "import tqdm", "cascade.cascade must not import tqdm"),
        ("mtcnn_lit/mtcnn.py", "def f():\n    import onnxruntime", ":2: mtcnn must not import onnxruntime"),
        ("mtcnn_lit/mining/store.py", "from mtcnn_lit.data import patches", "mining.store must not import data"),
        ("mtcnn_lit/data/patches.py", "import lightning.pytorch", "data.patches must not import lightning"),
        ("mtcnn_lit/data/patches.py", "from albumentations import Blur", "data.patches must not import albumentations"),
        ("mtcnn_lit/stages/base.py", "from mtcnn_lit.callbacks import x", "stages.base must not import callbacks"),
        ("mtcnn_lit/callbacks/render.py", "from omegaconf import DictConfig", "must not import omegaconf"),
        ("mtcnn_lit/experiment/fit.py", "from train import main", "experiment.fit must not import train"),
        ("mtcnn_lit/metrics/curve.py", "import torchvision", "metrics.curve must not import torchvision"),
        ("scripts/detect.py", "import lightning", "scripts.detect must not import lightning"),
        ("mtcnn_lit/report/events.py", "from mtcnn_lit.data import patches", "report.events must not import data"),
        ("mtcnn_lit/report/html.py", "from omegaconf import OmegaConf", "report.html must not import omegaconf"),
        (
            "mtcnn_lit/metrics/curve.py",
            "from matplotlib.figure import Figure",
            "metrics.curve must not import matplotlib",
        ),
        ("mtcnn_lit/attic.py", "", "the room 'attic' is unknown, add it to FLOORS"),
    ],
)
def test_a_forbidden_import_is_reported(path, source, complaint):
    (message,) = violations(PurePosixPath(path), source)
    assert complaint in message


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("mtcnn_lit/__init__.py", "from mtcnn_lit.mtcnn import MTCNN\nfrom .detections import Detections"),
        ("mtcnn_lit/detections.py", "from mtcnn_lit import boxes\nimport numpy as np\nfrom pathlib import Path"),
        ("mtcnn_lit/nets/__init__.py", "from .pnet import PNet\nfrom . import rnet"),
        ("mtcnn_lit/data/augment.py", "import albumentations as A\nfrom . import patches"),
        ("mtcnn_lit/data/datamodule.py", "import lightning\nfrom mtcnn_lit.mining.store import open_store"),
        ("scripts/detect.py", "import hydra\nfrom mtcnn_lit import MTCNN\nfrom mtcnn_lit.inputs import folder"),
        ("train.py", "import hydra\nfrom mtcnn_lit.experiment import fit"),
    ],
)
def test_an_allowed_import_passes(path, source):
    assert violations(PurePosixPath(path), source) == []


def test_detection_loads_none_of_the_training_libraries():
    heavy = {"lightning", "hydra", "omegaconf", "torchmetrics", "albumentations", "tensorboard", "matplotlib"}
    heavy |= {"onnx", "onnxruntime"}
    program = (
        "import sys, mtcnn_lit\n"
        "for name in getattr(mtcnn_lit, '__all__', []): getattr(mtcnn_lit, name)\n"
        f"print(*sorted({heavy!r} & sys.modules.keys()))"
    )
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []
