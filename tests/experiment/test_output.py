"""Several outputs at once, each with a place of its own."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mtcnn_lit.experiment import schema
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.output import output_nodes, refuse_overwriting_inputs
from mtcnn_lit.images import write_image
from mtcnn_lit.inputs import ImageInput

CONFIGS = Path(__file__).parents[2] / "configs"


def composed(*overrides: str) -> DictConfig:
    schema.register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("detect", ["input.path=somewhere", *overrides]).output


def places(*overrides: str) -> dict[str, str]:
    return {name: node.path for name, node in output_nodes(composed(*overrides)).items()}


def test_each_output_has_a_place_by_default() -> None:
    assert places() == {"images": "outputs/detect"}
    assert places("output=[json,images]") == {"json": "outputs/detect/detections.jsonl", "images": "outputs/detect"}


def test_one_output_takes_the_short_path() -> None:
    assert places("output=json", "output.path=a.jsonl") == {"json": "a.jsonl"}
    assert places("output=json", "output.json.path=a.jsonl") == {"json": "a.jsonl"}


def test_several_outputs_take_a_path_each() -> None:
    chosen = ("output=[json,images]", "output.json.path=a.jsonl", "output.images.path=found")
    assert places(*chosen) == {"json": "a.jsonl", "images": "found"}


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (("output.path=x",), r"here are 2: set output\.json\.path=… and output\.images\.path=…"),
        (("output.json.path=x", "output.images.path=y/../x"), "output.json.path and output.images.path are both .*/x:"),
    ],
)
def test_two_outputs_in_one_place_are_refused(overrides: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        places("output=[json,images]", *overrides)


def test_no_output_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^output: none is set.*: take output=json or output=images$"):
        places("output=[]")


def test_a_picture_to_read_is_no_place_for_an_output(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_image(path, np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "link").symlink_to(path)
    nodes = output_nodes(composed("output=json", f"output.path={tmp_path / 'link'}"))
    with pytest.raises(ConfigError, match=r"output\.json\.path: .*link is one of the pictures to read"):
        refuse_overwriting_inputs(ImageInput(str(path)), nodes)


def test_a_list_on_standard_input_is_no_place_for_an_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list"
    path.write_text("a.png\n")
    real, listed = os.fstat, path.stat()
    monkeypatch.setattr(os, "fstat", lambda number: listed if number == 0 else real(number))
    nodes = output_nodes(composed("output=json", f"output.path={path}"))
    with pytest.raises(ConfigError, match=r"^output\.json\.path: .*list is read on standard input: choose"):
        refuse_overwriting_inputs(SimpleNamespace(files=[]), nodes)


def test_a_picture_that_can_not_be_looked_at_is_left_to_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    write_image(tmp_path / "a.png", np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "a.jsonl").touch()
    source = ImageInput(str(tmp_path / "a.png"))
    nodes = output_nodes(composed("output=json", f"output.path={tmp_path / 'a.jsonl'}"))
    monkeypatch.setattr(Path, "samefile", forbidden)
    refuse_overwriting_inputs(source, nodes)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job of a sweep, its fourth."""
    schema.register()
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # what was there comes back afterwards
    about = ["hydra.mode=MULTIRUN", "hydra.job.num=3", f"hydra.runtime.output_dir={tmp_path}/sweep/3"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        HydraConfig.instance().set_config(compose("detect", about, return_hydra_config=True))
    return tmp_path / "sweep" / "3"


def test_in_a_sweep_places_lie_in_the_folder_of_the_job(job: Path) -> None:
    names = {"json": "detections.jsonl", "csv": "detections.csv", "crops": "crops", "video": "faces.mkv"}
    expected = {name: str(job / file) for name, file in names.items()}
    assert places(f"output=[images,{','.join(names)}]") == {"images": str(job), **expected}


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize(
    ("place", "given"),
    [("a-${hydra:job.num}.jsonl", "a-3.jsonl"), ("${hydra:runtime.output_dir}/a", "{job}/a"), ("-", "-")],
)
def test_in_a_sweep_a_place_may_follow_from_the_job(place: str, given: str, job: Path) -> None:
    for key in ("output.path", "output.json.path"):
        assert places("output=json", f"{key}='{place}'") == {"json": given.format(job=job)}


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize("key", ["output.path", "output.json.path"])
@pytest.mark.parametrize("place", ["a.jsonl", "${paths.output_dir}/a.jsonl"])
def test_in_a_sweep_a_place_that_all_jobs_share_is_refused(key: str, place: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"^{key}: .*a\.jsonl is written by each job .*: put \$\{{hydra:job\.num\}} in"
    ):
        places("output=json", f"{key}='{place}'")
