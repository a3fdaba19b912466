"""What sets runs apart, what they are called, and where they were best."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.report.events import Curve
from mtcnn_lit.report.runs import Run, best_index, differing, metric_tags, short_names


def run(folder: str = "a", stage: str = "pnet", tags: tuple[str, ...] = (), **settings: str) -> Run:
    """Settings in Python's spelling: `net__lr` for `net.lr`."""
    named = {key.replace("__", "."): value for key, value in settings.items()}
    curves = {tag: curve(0.5) for tag in tags}
    return Run(Path(folder), stage, {"stage": stage, **named} if named else {}, curves, finished=True)


def curve(*values: float) -> Curve:
    return Curve(np.arange(len(values)), np.array(values))


def test_settings_that_differ_or_are_missing_are_found_group_by_group() -> None:
    runs = [
        run(net__lr="1", seed="0", net__loss="2"),
        run(net__lr="3", seed="0", net__loss="2", net__decay="4"),
        run(net__lr="1", seed="7", net__loss="2"),
    ]
    assert differing(runs) == ["net.lr", "net.decay", "seed"]


def test_a_run_without_a_record_makes_no_difference() -> None:
    assert differing([run(net__lr="1"), run(), run(net__lr="1")]) == []


def test_a_single_run_is_named_after_its_stage() -> None:
    assert short_names([run(net__lr="1", seed="0")]) == ["pnet"]


def test_names_hold_what_differs_within_a_stage() -> None:
    runs = [
        run("a", net__optimizer__lr="0.1", seed="0"),
        run("b", net__optimizer__lr="0.2", seed="0"),
        run("c", "rnet", net__optimizer__lr="0.3", seed="1"),
    ]
    assert short_names(runs) == ["pnet lr=0.1", "pnet lr=0.2", "rnet"]


def test_keys_that_end_alike_are_told_apart() -> None:
    runs = [run("a", miner__size="12", source__size="4"), run("b", miner__size="24", source__size="8")]
    assert short_names(runs) == ["pnet miner.size=12 source.size=4", "pnet miner.size=24 source.size=8"]


def test_an_option_stands_for_all_below_it() -> None:
    plain, rich = {"augment.transforms": "[]"}, {"augment.transforms[0]._target_": "Blur", "augment.p": "1"}
    runs = [
        Run(Path(name), "pnet", {"stage": "pnet", "augment": name, **settings}, {}, finished=True)
        for name, settings in {"none": plain, "default": rich}.items()
    ]
    assert short_names(runs) == ["pnet augment=none", "pnet augment=default"]


def test_a_class_is_named_by_its_node_and_a_long_value_by_its_end() -> None:
    runs = [
        Run(Path(path), "rnet", {"net.optimizer._target_": target, "upstream.pnet": path}, {}, finished=True)
        for target, path in (("SGD", "outputs/sweeps/2026-11-24_03-57-48/0"), ("AdamW", "null"))
    ]
    assert short_names(runs) == ["rnet optimizer=SGD pnet=…026-11-24_03-57-48/0", "rnet optimizer=AdamW pnet=null"]


@pytest.mark.parametrize(
    ("folders", "ends"),
    [
        (["out/train/pnet/2026", "out/train/pnet/2027_1"], ["pnet/2026", "2027_1"]),
        (["out/a_1/0", "out/a_1/1"], ["a_1/0", "a_1/1"]),
        (["out/a_1/x", "out/b_2/x"], ["a_1/x", "b_2/x"]),
        (["a/x", "x"], ["a/x", "x"]),
    ],
)
def test_runs_with_the_same_settings_are_told_apart_by_their_folders(folders: list[str], ends: list[str]) -> None:
    assert short_names([run(folder, seed="0") for folder in folders]) == [f"pnet {end}" for end in ends]


def test_where_too_much_differs_the_folder_is_shorter() -> None:
    runs = [run("out/x", a="1", b="1", c="1", d="1"), run("out/y", a="2", b="2", c="2", d="2")]
    assert short_names(runs) == ["pnet x", "pnet y"]


@pytest.mark.parametrize(
    ("tag", "values", "best"),
    [
        ("val/ap", (0.1, 0.9, 0.5), 1),
        ("val/loss", (0.4, 0.9, 0.1), 2),
        ("train/box_loss", (math.nan, 0.9, 0.8), 2),
        ("val/ap", (math.nan, 0.3, math.nan), 1),
        ("val/accuracy", (0.5, 0.5), 0),
        ("val/loss", (math.nan, math.nan), None),
    ],
)
def test_a_loss_is_best_at_its_lowest_and_all_else_at_its_highest(
    tag: str, values: tuple[float, ...], best: int | None
) -> None:
    assert best_index(tag, curve(*values)) == best


def test_the_most_telling_metrics_come_first_and_others_are_left_out() -> None:
    runs = [run(tags=("lr-AdamW", "val/loss", "val/recall")), run(tags=("train/loss", "best/val/ap", "val/ap"))]
    assert metric_tags(runs) == ["val/ap", "val/loss", "train/loss", "val/recall"]
