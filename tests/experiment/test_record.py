"""Hyperparameters from the record of a run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mtcnn_lit.experiment.record import read_settings, with_weights
from tests.report.written import write_record

CONFIG = """
stage: ${hydra:runtime.choices.net}
seed: 3
net: {_target_: mtcnn_lit.stages.PNetStage, _partial_: true, lr: 0.001, max_lr: "${net.lr}", scheduler: null}
data: {ratio: [1, 1, 3]}
source: {_target_: mtcnn_lit.sources.Synthetic}
augment: {transforms: [{_target_: Blur, p: 0.5}, {flip: true}]}
paths: {run_dir: somewhere}
ckpt_path: last
"""


def test_a_record_becomes_text_by_dotted_key(tmp_path: Path) -> None:
    write_record(
        tmp_path, CONFIG, "{net: pnet, data: pnet, source: synthetic, augment: none, paths: default, debug: null}"
    )
    assert read_settings(tmp_path) == {
        "stage": "pnet",
        "source": "synthetic",
        "augment": "none",
        "seed": "3",
        "net._target_": "mtcnn_lit.stages.PNetStage",
        "net.lr": "0.001",
        "net.max_lr": "${net.lr}",
        "net.scheduler": "null",
        "data.ratio": "[1, 1, 3]",
        "source._target_": "mtcnn_lit.sources.Synthetic",
        "augment.transforms[0]._target_": "Blur",
        "augment.transforms[0].p": "0.5",
        "augment.transforms[1].flip": "true",
    }


def test_without_a_record_there_are_none(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == {}


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"a: ${", b"\x00", b"- 1\n- 2\n", b"3", b""])
def test_a_broken_record_is_left_out(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_record(tmp_path, CONFIG)
    (tmp_path / ".hydra" / "config.yaml").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert read_settings(tmp_path) == {}
    assert all(text.endswith("config.yaml: not a configuration, left out") for text in caplog.messages)


def test_weights_are_known_by_their_digest_once_they_are_known() -> None:
    settings = {"seed": "3", "upstream.pnet": "null", "upstream.rnet": "outputs/rnet", "init_from": "newest"}
    assert with_weights(settings, {}, None) == {
        "seed": "3",
        "upstream.rnet": "outputs/rnet",
        "init_from": "newest",
    }
    assert with_weights(settings, {"pnet": "0123456789abcd", "rnet": "123456789abcde"}, "23456789abcdef") == {
        "seed": "3",
        "upstream.pnet": "0123456789ab",
        "upstream.rnet": "123456789abc",
        "init_from": "23456789abcd",
    }
