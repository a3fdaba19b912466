"""Event files written by hand come back as curves: values, steps and epochs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.report.events import find_runs, read_curves
from tests.report.written import epochs, write_events


def test_values_come_back_by_tag_with_their_steps_and_epochs(tmp_path: Path) -> None:
    write_events(tmp_path, {"val/loss": epochs(0.5, 0.25, 0.125), "epoch": epochs(0, 1, 2)})
    (tag, curve), *others = read_curves(tmp_path).items()
    assert (tag, others) == ("val/loss", [])
    assert curve.steps.tolist() == [9, 19, 29]
    assert curve.values.tolist() == [0.5, 0.25, 0.125]
    assert curve.epochs is not None
    assert curve.epochs.tolist() == [1, 2, 3]


def test_all_values_are_kept_of_a_long_curve(tmp_path: Path) -> None:
    write_events(tmp_path, {"train/loss": dict.fromkeys(range(20000), 0.5)})
    assert len(read_curves(tmp_path)["train/loss"].steps) == 20_000


def test_steps_inside_and_after_epochs_lie_in_proportion(tmp_path: Path) -> None:
    """The learning rate is logged at the first step of an epoch, before the logger says which epoch that is."""
    write_events(tmp_path, {"lr-AdamW": {0: 1, 4: 1, 10: 1, 20: 1, 24: 1}, "epoch": epochs(0, 1)})
    across = read_curves(tmp_path)["lr-AdamW"].epochs
    np.testing.assert_allclose(across, [0.1, 0.5, 1.1, 2.1, 2.5], atol=1e-12)


def test_without_epochs_there_are_only_steps(tmp_path: Path) -> None:
    write_events(tmp_path, {"val/loss": {3: 0.5}})
    assert read_curves(tmp_path)["val/loss"].epochs is None


def test_a_resumed_run_is_merged_by_step_and_the_later_file_counts(tmp_path: Path) -> None:
    write_events(tmp_path, {"val/loss": {9: 0.5, 19: 0.25, 29: 8.0}, "epoch": epochs(0, 1, 2)}, ".0")
    write_events(tmp_path, {"val/loss": {29: 0.125, 39: 0.0625}, "epoch": {29: 2, 39: 3}}, ".1")
    write_events(tmp_path, {"best/val/ap": {0: 0.75}}, ".2")
    curves = read_curves(tmp_path)
    assert curves["val/loss"].values.tolist() == [0.5, 0.25, 0.125, 0.0625]
    assert curves["val/loss"].epochs is not None
    assert curves["val/loss"].epochs.tolist() == [1, 2, 3, 4]
    assert curves["best/val/ap"].values.tolist() == [0.75]


@pytest.mark.parametrize("missing", [1, 4, 11, 17])
def test_a_truncated_file_is_read_as_far_as_it_goes(missing: int, tmp_path: Path) -> None:
    path = write_events(tmp_path, {"val/loss": {9: 0.5, 19: 0.25, 29: 0.125}})
    path.write_bytes(path.read_bytes()[:-missing])
    assert read_curves(tmp_path)["val/loss"].values.tolist() == [0.5, 0.25]


def test_a_file_with_a_damaged_record_is_read_up_to_it(tmp_path: Path) -> None:
    path = write_events(tmp_path, {"val/loss": {9: 0.5, 19: 0.25, 29: 0.125}})
    content = bytearray(path.read_bytes())
    content[-8] ^= 0xFF
    path.write_bytes(bytes(content))
    assert read_curves(tmp_path)["val/loss"].values.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("content", [b"", b"rubbish that is no record at all"])
def test_a_file_without_a_record_has_no_curves(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.host.1.0").write_bytes(content)
    assert read_curves(tmp_path) == {}


def test_nan_stays_nan(tmp_path: Path) -> None:
    write_events(tmp_path, {"val/loss": {0: 0.5, 1: math.nan}})
    np.testing.assert_array_equal(read_curves(tmp_path)["val/loss"].values, [0.5, math.nan])


def test_runs_are_found_at_any_depth_in_natural_order(tmp_path: Path) -> None:
    for name in ("sweeps/a/10", "sweeps/a/2", "train/pnet/b"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "events.out.tfevents.1").touch()
    (tmp_path / "train" / "rnet" / "c").mkdir(parents=True)
    (tmp_path / "events.out.tfevents.folder").mkdir()
    assert find_runs(tmp_path) == [tmp_path / name for name in ("sweeps/a/2", "sweeps/a/10", "train/pnet/b")]
    assert find_runs(tmp_path / "sweeps" / "a" / "2") == [tmp_path / "sweeps" / "a" / "2"]
    assert find_runs(tmp_path / "train" / "rnet") == []
