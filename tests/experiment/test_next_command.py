"""What a finished run says, and the command that it proposes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtcnn_lit.experiment import next_command as module
from tests.test_configs import composed


def closing_words(*overrides: str, found: bool = True) -> list[str]:
    config = composed("train", list(overrides))  # which tells Hydra of them
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run_folders", lambda output_dir: [Path("run")] if found else [])
        return module.closing_words(config, 0.5, Path("run")).splitlines()


@pytest.mark.parametrize(
    "own", ["data=pnet_again", "+data.miner.more=1", "~data.miner.size", "net/box_loss=giou", "upstream.earlier=newest"]
)
def test_what_is_next_leaves_out_what_was_for_this_stage_alone(own: str) -> None:
    assert closing_words("seed=3", own)[-1] == "  next        python train.py net=rnet paths.run_dir=somewhere seed=3"


def test_what_is_next_learns_behind_the_same_networks() -> None:
    words = closing_words("net=rnet", "upstream.pnet=pretrained", "upstream.rnet=old")[-1]
    assert words == "  next        python train.py net=onet paths.run_dir=somewhere upstream.pnet=pretrained"


def test_a_run_in_a_folder_of_its_own_is_named_in_what_is_next() -> None:
    words = "  next        python train.py net=rnet paths.run_dir=somewhere upstream.pnet=run"
    assert closing_words(found=False)[-1] == words
    assert closing_words("net=onet", found=False)[-1].endswith(" output.path=FOUND detector.weights.onet=run")


def test_a_folder_with_a_space_is_in_quotes() -> None:
    curves = closing_words("paths.output_dir=my runs")[-2]
    assert curves == "  curves      tensorboard --logdir 'my runs'"
