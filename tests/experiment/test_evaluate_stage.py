"""`evaluate.py net=…` from its configuration to its files, with untrained networks on a small source."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import open_dict

from mtcnn_lit.errors import Incomplete
from mtcnn_lit.experiment import schema
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.evaluate import evaluate
from mtcnn_lit.nets import ONet, PNet, RNet, WeightsError, load_net, weights_digest
from mtcnn_lit.nets.weights import save_net
from mtcnn_lit.sources import SourceError, Synthetic
from tests.broken_picture import break_the_first_picture
from tests.forked import run_forked

ROOT = Path(__file__).parents[2]
SMALL = [
    "source.num_images={train: 1, val: 2, test: 3}",
    "source.image_size=[80, 80]",
    "source.faces_per_image=[1, 2]",
    "source.face_height=[24, 40]",
    "detector.min_face_size=20",
    "data.mining_workers=0",
]


def command(tmp_path: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return run_forked("scripts/evaluate.py", *SMALL, "hydra.run.dir=out", *overrides, cwd=tmp_path)


def evaluate_here(tmp_path: Path, *overrides: str) -> float | None:
    """The same without the start of a process."""
    schema.register()
    paths = [f"paths.output_dir={tmp_path / 'outputs'}", f"paths.run_dir={tmp_path / 'out'}"]
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("evaluate", [*SMALL, *paths, *overrides], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    return evaluate(config)


def weights(folder: Path, *names: str) -> list[str]:
    """Saves untrained networks and gives the overrides that name them."""
    overrides = []
    for name in names:
        save_net({"pnet": PNet, "rnet": RNet, "onet": ONet}[name](), name, folder / f"{name}.safetensors", {})
        overrides.append(f"detector.weights.{name}={folder / name}.safetensors")
    return overrides


def manifests(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "outputs" / "patches").glob("*/manifest.json"))


def test_the_command_writes_all_files_and_mines_once(tmp_path: Path) -> None:
    chosen = weights(tmp_path, "pnet", "rnet")
    result = command(tmp_path, "net=rnet", *chosen)
    assert result.returncode == 0, result.stderr
    assert "accuracy at a score of .5" in result.stdout + result.stderr
    folder = tmp_path / "out"
    written = {path.name for path in folder.iterdir() if path.suffix in (".json", ".html", ".png")}
    assert written == {"metrics.json", "report.html", "pr_roc.png", "box_iou.png", "patches.png", "detections.png"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["net"], list(metrics["weights"])) == ("rnet", ["pnet", "rnet"])
    assert metrics["counts"]["positive"] > 0
    (manifest,) = manifests(tmp_path)

    assert manifest.parent.name.startswith("test-24px-")
    mined = manifest.stat().st_mtime_ns
    again = command(tmp_path, "net=rnet", *chosen)
    assert again.returncode == 0, again.stderr
    assert [path.stat().st_mtime_ns for path in manifests(tmp_path)] == [mined]
    assert "mining" not in again.stdout + again.stderr
    assert json.loads((folder / "metrics.json").read_text()) == metrics


def test_pnet_needs_no_other_network(tmp_path: Path) -> None:
    ap = evaluate_here(tmp_path, "net=pnet", *weights(tmp_path, "pnet"))
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["ap"], list(metrics["weights"])) == (ap, ["pnet"])
    (manifest,) = manifests(tmp_path)
    assert manifest.parent.name.startswith("test-12px-")
    assert json.loads(manifest.read_text())["images"] == 3


def test_a_picture_that_could_not_be_read_is_told_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    break_the_first_picture(monkeypatch, "test")
    for _ in range(2):  # patches are mined, then found
        caplog.clear()
        with pytest.raises(Incomplete) as ended:
            evaluate_here(tmp_path, "net=pnet", *weights(tmp_path, "pnet"))
        metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
        assert (metrics["unreadable"], metrics["ap"]) == (1, ended.value.result)
        assert "1 pictures could not be read when these were mined" in caplog.text


def test_pnet_may_be_shown_what_it_takes_for_faces_itself(tmp_path: Path) -> None:
    evaluate_here(tmp_path, "net=pnet", "data=pnet_again", *weights(tmp_path, "pnet"))
    (manifest,) = manifests(tmp_path)
    mined = json.loads(manifest.read_text())
    assert mined["mining"]["upstream"] == [weights_digest(load_net(tmp_path / "pnet.safetensors", "pnet"))]
    assert mined["origins"]["cascade"] > 0


def test_onet_is_mined_for_by_both_others_at_the_recall_of_val(tmp_path: Path) -> None:
    assert evaluate_here(tmp_path, "net=onet", *weights(tmp_path, "pnet", "rnet", "onet")) is not None
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    (manifest,) = (json.loads(path.read_text()) for path in manifests(tmp_path))
    assert manifest["size"] == 48
    assert manifest["mining"]["upstream"] == [metrics["weights"][name] for name in ("pnet", "rnet")]
    size = {"image_size": (80, 80), "faces_per_image": (1, 2), "face_height": (24, 40)}
    val = Synthetic("val", num_images={"train": 1, "val": 2, "test": 3}, **size)
    assert manifest["mining"]["recall_source"] == val.fingerprint()


@pytest.mark.parametrize(
    ("overrides", "error", "complaint"),
    [
        (["net=rnet"], WeightsError, r"^no finished rnet run below .*: train one with 'python train.py net=rnet', or"),
        (["net=rnet", "detector.weights.rnet={}/pnet.safetensors"], WeightsError, "holds weights of pnet, but rnet is"),
        (["net=pnet", "calibrate=true"], ConfigError, "^calibrate: is for the whole cascade; leave out net=pnet$"),
        (["net=pnet", "detections=f.jsonl"], ConfigError, "^detections: is for the whole cascade; leave out net=pnet$"),
        (
            ["net=pnet", "detector.backend=bogus"],
            ConfigError,
            "^detector.backend: torch alone .* not bogus; leave it out$",
        ),
        (
            ["net=pnet", "detector.backend=onnx"],
            ConfigError,
            "^detector.backend: torch alone .* not onnx; leave it out$",
        ),
        (
            ["net=pnet", "source.faces_per_image=[0, 0]"],
            SourceError,
            "^no face in the test split .*; check source.faces_",
        ),
    ],
)
def test_what_can_not_be_evaluated(
    tmp_path: Path, overrides: list[str], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        evaluate_here(tmp_path, *weights(tmp_path, "pnet"), *(text.format(tmp_path) for text in overrides))


def test_a_wrong_name_of_a_network_is_no_whole_cascade(tmp_path: Path) -> None:
    result = command(tmp_path, "net=rnett")
    assert result.returncode == 1
    assert result.stderr == "error: net=rnett: no such configuration; did you mean rnet? There are: onet, pnet, rnet\n"
