"""The wheel carries all that the package needs away from the repository, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ["train", *(path.stem for path in sorted((ROOT / "scripts").glob("*.py")))]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy without what earlier builds left, and unpacked as pip does."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("mtcnn_lit", "configs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, "dist"], cwd=folder, check=True, capture_output=True, timeout=120)
    (wheel,) = (folder / "dist").glob("*.whl")
    ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


def run(installed: Path, program: str, arguments: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with the unpacked package in place of the repository."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {program}", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_it_holds_the_files_of_the_package_and_the_configurations(installed: Path) -> None:
    held = {path.relative_to(installed).as_posix() for path in (installed / "mtcnn_lit").rglob("*.*")}
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mtcnn_lit").rglob("*.*")}
    configs = {f"mtcnn_lit/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "configs").rglob("*.yaml")}
    assert held == {path for path in package if "__pycache__" not in path} | configs
    assert {"mtcnn_lit/py.typed", "mtcnn_lit/configs/train.yaml", "mtcnn_lit/weights/onet.safetensors"} <= held
    others = {path.name for path in installed.iterdir() if path.name != "mtcnn_lit"}
    assert all(name.endswith(".dist-info") for name in others)


def test_each_script_is_a_command(installed: Path) -> None:
    (information,) = installed.glob("*.dist-info")
    package: Distribution = PathDistribution(information)
    commands = {point.name: point.value for point in package.entry_points.select(group="console_scripts")}
    assert commands == {f"mtcnn-{name}": f"mtcnn_lit.experiment.commands:{name}" for name in SCRIPTS}


def test_a_command_works_in_another_folder(installed: Path, tmp_path: Path) -> None:
    picture = ROOT / "docs" / "images" / "synthetic.jpg"
    program = "from mtcnn_lit.experiment.commands import detect; detect()"
    arguments = [f"input.path={picture}", "output=images,json", "output.json.path=-", "detector.min_face_size=60"]
    result = run(installed, program, arguments, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('{"image": "synthetic.jpg", "boxes": [')
    assert (tmp_path / "outputs" / "detect" / "synthetic.jpg.faces.png").is_file()


def test_messages_name_the_installed_commands(installed: Path, tmp_path: Path) -> None:
    program = "from mtcnn_lit.experiment.commands import train; train()"
    result = run(installed, program, ["net=rnet"], tmp_path)
    assert result.returncode == 1
    assert "train one with 'mtcnn-train net=pnet'" in result.stderr
