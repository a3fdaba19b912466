"""The command that writes ONNX files, as users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mtcnn_lit.experiment import export as exporting
from mtcnn_lit.experiment import schema
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.nets import load_net, normalize
from mtcnn_lit.onnx_backend import OnnxError, to_onnx
from tests.forked import run_forked
from tests.full_disk import fill_disk, needs_full_device

ROOT = Path(__file__).parents[2]
RELEASED = {name: ROOT / "mtcnn_lit" / "weights" / f"{name}.safetensors" for name in ("pnet", "rnet", "onet")}
WEIGHTS = [f"detector.weights.{name}={path}" for name, path in RELEASED.items()]


def run_export(folder: Path, *overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "export.py"), *overrides]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the command ran in, and what it printed."""
    folder = tmp_path_factory.mktemp("exported")
    result = run_export(folder, *WEIGHTS)
    assert (result.returncode, result.stderr) == (0, "")
    return folder, result.stdout


def test_the_command_writes_models_that_others_can_run(exported: tuple[Path, str]) -> None:
    folder, _ = exported
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert written == [f"outputs/onnx/{name}.onnx" for name in ("onet", "pnet", "rnet")]
    pixels = np.random.default_rng(0).integers(0, 256, (5, 24, 24, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(folder / "outputs" / "onnx" / "rnet.onnx")
    images = ((pixels.astype(np.float32) - 127.5) / 128).transpose(0, 3, 1, 2)
    found = session.run(["offsets", "logits"], {"images": images})
    with torch.no_grad():
        logits, offsets = load_net(RELEASED["rnet"], "rnet")(normalize(torch.from_numpy(pixels)))
    np.testing.assert_allclose(found[0], offsets, atol=1e-4)
    np.testing.assert_allclose(found[1], logits, atol=1e-4)


def test_it_prints_the_largest_difference_by_shape(exported: tuple[Path, str]) -> None:
    _, printed = exported
    tables = re.split(r"^outputs/onnx/\w+\.onnx$", printed, flags=re.MULTILINE)[1:]
    rows = [re.findall(r"^ +(\d+ x 3 x \d+ x \d+) +(\S+)$", table, flags=re.MULTILINE) for table in tables]
    assert [len(table) for table in rows] == [12, 3, 3]
    shapes = [shape for shape, _ in rows[0] + rows[1] + rows[2]]
    assert {"1 x 3 x 12 x 12", "2 x 3 x 75 x 302", "33 x 3 x 24 x 24", "33 x 3 x 48 x 48"} <= set(shapes)
    assert all(float(difference) < 1e-4 for table in rows for _, difference in table)


def test_a_package_that_is_missing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "onnx.py").write_text("raise ModuleNotFoundError(\"No module named 'onnx'\")")
    result = run_export(tmp_path, *WEIGHTS, PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr == (
        "error: packages for ONNX are missing (No module named 'onnx'): pip install 'mtcnn-lit[onnx]'\n"
    )


def test_weights_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    result = run_forked("scripts/export.py", *WEIGHTS[1:], cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        "error: no finished pnet run below outputs: train one with 'python train.py net=pnet', "
        "or name a checkpoint with detector.weights.pnet=PATH\n"
    )


def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run_forked("scripts/export.py", *WEIGHTS, f"export.path={tmp_path / 'file'}", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"error: export.path: can't write {tmp_path}/file/pnet.onnx: File exists\n"


@pytest.fixture
def config(tmp_path: Path) -> DictConfig:
    schema.register()
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        return compose("export", [*WEIGHTS, f"export.path={tmp_path}", "paths.run_dir=somewhere"])


@pytest.mark.parametrize("name", ["pnet", "onet"])
def test_where_a_model_has_other_answers_none_is_written(
    name: str, config: DictConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = load_net(RELEASED[name], name)
    with torch.no_grad():
        other.box.bias[0] += 0.01
    monkeypatch.setattr(exporting, "to_onnx", lambda net: to_onnx(other if type(net) is type(other) else net))
    with pytest.raises(OnnxError, match=rf"^{name}: ONNX Runtime and PyTorch disagree"):
        exporting.export(config)
    assert list(tmp_path.iterdir()) == []


@needs_full_device
def test_on_a_full_disk_the_model_before_stays(
    config: DictConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pnet.onnx").write_text("of an earlier export")
    fill_disk(tmp_path / "pnet.onnx", monkeypatch)
    with pytest.raises(ConfigError, match=r"^export\.path: can't write .*/pnet\.onnx: No space left on device$"):
        exporting.export(config)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("pnet.onnx", "of an earlier export")]


def test_a_folder_without_a_name_is_one_line(tmp_path: Path) -> None:
    result = run_forked("scripts/export.py", *WEIGHTS, "export.path=", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.strip() == "error: export.path: names no folder; set it to one"


def test_in_a_sweep_a_folder_that_all_jobs_share_is_refused(
    config: DictConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # what was there comes back afterwards
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        about = ["hydra.mode=MULTIRUN", f"hydra.runtime.output_dir={tmp_path}/sweep/3"]
        HydraConfig.instance().set_config(compose("export", about, return_hydra_config=True))
    with pytest.raises(ConfigError, match=r"^export\.path: .* is written by each job of the sweep"):
        exporting.export(config)
    config.export.path = "${job_dir:elsewhere}"
    assert config.export.path == f"{tmp_path}/sweep/3"
