"""What a finished run says, and the command that it proposes."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mtcnn_lit.experiment import next_command as module
from tests.test_configs import composed

UPSTREAM = {"pnet": [], "rnet": ["pnet"], "onet": ["pnet", "rnet"]}


def closing_words(*overrides: str, elsewhere: tuple[str, ...] = ()) -> list[str]:
    """What is said of the run `run` that learned behind the runs `pnet` and `rnet`, or those that it was told to.

    Args:
        elsewhere: runs where no later command looks.
    """
    config = composed("train", list(overrides))  # which tells Hydra of them
    upstream = {name: config.upstream[name] or Path(name) for name in UPSTREAM[config.stage]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "is_discoverable", lambda run, output_dir: str(run) not in elsewhere)
        return module.closing_words(config, 0.5, Path("run"), upstream).splitlines()


@pytest.mark.parametrize(
    "own", ["data=pnet_again", "+data.miner.more=1", "~data.miner.size", "net/box_loss=giou", "upstream.earlier=newest"]
)
def test_what_is_next_leaves_out_what_was_for_this_stage_alone(own: str) -> None:
    assert closing_words("seed=3", own)[-1] == "  next        python train.py net=rnet paths.run_dir=somewhere seed=3"


def test_what_is_next_learns_behind_the_same_networks() -> None:
    words = closing_words("net=rnet", "upstream.pnet=pretrained", "upstream.rnet=old")[-1]
    assert words == "  next        python train.py net=onet paths.run_dir=somewhere upstream.pnet=pretrained"


def test_runs_that_no_later_command_finds_are_named_in_what_is_next() -> None:
    words = "  next        python train.py net=rnet paths.run_dir=somewhere upstream.pnet=run"
    assert closing_words(elsewhere=("run",))[-1] == words
    words = "  next        python train.py net=onet paths.run_dir=somewhere upstream.pnet=pnet upstream.rnet=run"
    assert closing_words("net=rnet", elsewhere=("pnet", "run"))[-1] == words


DETECT = "  next        python scripts/detect.py input=folder input.path=PICTURES output=images output.path=FOUND"


def test_the_newest_runs_are_what_detection_takes_by_itself() -> None:
    assert closing_words("net=onet", "seed=3")[-1] == DETECT


@pytest.mark.parametrize(
    ("overrides", "elsewhere", "weights"),
    [
        (["upstream.rnet=old"], (), {"pnet": "pnet", "rnet": "old", "onet": "run"}),
        (["upstream.rnet=pretrained"], (), {"pnet": "pnet", "rnet": "pretrained", "onet": "run"}),
        (["upstream.rnet=null", "upstream.pnet=${seed}"], (), {"pnet": "0", "rnet": "rnet", "onet": "run"}),
        (["upstream.rnet='lr=0.1,net=rnet'"], (), {"pnet": "pnet", "rnet": "'lr=0.1,net=rnet'", "onet": "run"}),
        ([], ("rnet",), {"pnet": "pnet", "rnet": "rnet", "onet": "run"}),
        ([], ("run",), {"pnet": "pnet", "rnet": "rnet", "onet": "run"}),
    ],
)
def test_detection_is_told_of_all_networks_where_one_is_not_the_newest(
    overrides: list[str], elsewhere: tuple[str, ...], weights: dict[str, str]
) -> None:
    words = shlex.split(closing_words("net=onet", *overrides, elsewhere=elsewhere)[-1])
    assert words[-3:] == [f"detector.weights.{name}={path}" for name, path in weights.items()]


def test_detection_looks_for_the_networks_in_the_same_folder() -> None:
    words = closing_words("net=onet", "paths.output_dir=my ${seed}", "upstream.pnet=pretrained")[-1]
    assert words.endswith(" detector.weights.onet=run 'paths.output_dir=my 0'")
    assert closing_words("net=onet", "++paths.output_dir=mine")[-1] == f"{DETECT} paths.output_dir=mine"


def test_a_folder_with_a_space_is_in_quotes() -> None:
    curves = closing_words("paths.output_dir=my runs")[-2]
    assert curves == "  curves      tensorboard --logdir 'my runs'"
