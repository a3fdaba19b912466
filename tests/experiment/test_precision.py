"""Half precision where the processor computes in it, float32 where it would take many times as long."""

import logging

import pytest
import torch
from omegaconf import OmegaConf

from mtcnn_lit.experiment.precision import half_if_fast, warn_of_slow_precision

LAPTOP = {"avx2": True, "avx512_bf16": False, "amx_bf16": False}
SERVER = {"avx2": True, "avx512_bf16": True, "amx_bf16": False}


def processor(monkeypatch: pytest.MonkeyPatch, has: dict[str, bool]) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)


@pytest.mark.parametrize(
    ("has", "accelerator", "expected"),
    [
        (LAPTOP, "cpu", "32-true"),
        (SERVER, "cpu", "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": True}, "cpu", "bf16-mixed"),
        ({"neon": True}, "cpu", "32-true"),
        (LAPTOP, "gpu", "bf16-mixed"),
    ],
)
def test_half_precision_is_for_what_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], accelerator: str, expected: str
) -> None:
    processor(monkeypatch, has)
    assert half_if_fast(accelerator) == expected


def test_an_older_torch_does_not_tell_and_trains_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert half_if_fast("cpu") == "32-true"


@pytest.mark.parametrize(
    ("has", "accelerator", "precision", "warned"),
    [
        (LAPTOP, "cpu", "bf16-mixed", True),
        (LAPTOP, "cpu", "32-true", False),
        (SERVER, "cpu", "bf16-mixed", False),
        (LAPTOP, "gpu", "bf16-mixed", False),
    ],
)
def test_a_precision_that_the_processor_lacks_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    has: dict[str, bool],
    accelerator: str,
    precision: str,
    warned: bool,
) -> None:
    processor(monkeypatch, has)
    with caplog.at_level(logging.WARNING):
        warn_of_slow_precision(OmegaConf.create({"accelerator": accelerator, "precision": precision}))
    assert ("trainer.precision=bf16-mixed: this processor" in caplog.text) == warned
    assert ("take trainer.precision=32-true" in caplog.text) == warned
