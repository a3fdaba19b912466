"""A training with batch normalisation, from fresh weights and from those of a trained network."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.optim import SGD
from torch.utils.data import DataLoader

from mtcnn_lit.callbacks.running_mean import RunningMean
from mtcnn_lit.data.patches import PatchBatch
from mtcnn_lit.errors import UserError
from mtcnn_lit.nets import NETS, PNet, load_net, normalize
from mtcnn_lit.nets.batch_norm import BatchNorm
from mtcnn_lit.stages import ONetStage, PNetStage, RNetStage, Stage
from tests.stages.overfit import assert_learns_one_batch, one_batch
from tests.stages.test_base import batches, trainer


def often(batch: PatchBatch) -> PatchBatch:
    """The same patches so many times that the variance of the sample and of what it is drawn from are the same."""
    return PatchBatch(*(column.repeat(10, *[1] * (column.dim() - 1)) for column in batch))


PATCHES = often(one_batch(12))
OTHERS = PATCHES._replace(pixels=255 - PATCHES.pixels)


def start() -> PNet:
    torch.manual_seed(1)
    return PNet().eval()


def stage(start: PNet | None) -> PNetStage:
    return PNetStage(partial(SGD, lr=0.0), batch_norm=True, start=start)


def first_norm(stage: Stage) -> torch.Tensor:
    return next(layer.bias for layer in stage.net.modules() if isinstance(layer, BatchNorm))


def fit(stage: Stage, batch: PatchBatch, path: Path, epochs: int = 1, ckpt_path: Path | None = None) -> None:
    runner = trainer(epochs)
    runner.fit(stage, batches(1, batch), ckpt_path=ckpt_path, weights_only=True)
    runner.save_checkpoint(path)


@pytest.mark.parametrize("stage_class", [PNetStage, RNetStage, ONetStage])
def test_it_learns_one_batch_by_heart(stage_class: type[Stage], tmp_path: Path) -> None:
    assert_learns_one_batch(stage_class, tmp_path, steps=100, lr=0.02, batch_norm=True)


@pytest.mark.parametrize("stage_class", [PNetStage, RNetStage, ONetStage])
def test_a_trained_network_starts_with_its_function(stage_class: type[Stage], tmp_path: Path) -> None:
    torch.manual_seed(1)
    given = NETS[stage_class.name]().eval()
    patches = often(one_batch(given.input_size))
    fit(stage_class(partial(SGD, lr=0.0), batch_norm=True, start=given), patches, tmp_path / "some.ckpt")
    inputs = normalize(255 - patches.pixels)
    expected = given(inputs)
    for output, before in zip(load_net(tmp_path / "some.ckpt", stage_class.name)(inputs), expected, strict=True):
        torch.testing.assert_close(output, before, rtol=1e-3, atol=1e-4)


def test_the_network_to_start_from_stays_as_it_is(tmp_path: Path) -> None:
    given = start()
    before = {key: value.clone() for key, value in given.state_dict().items()}
    training = PNetStage(partial(SGD, lr=0.1), batch_norm=True, start=given)
    fit(training, PATCHES, tmp_path / "some.ckpt")
    assert training.net.training
    assert not given.training
    assert before.keys() == given.state_dict().keys()
    assert all(torch.equal(before[key], value) for key, value in given.state_dict().items())


def test_batch_norm_is_matched_to_the_patches_once(tmp_path: Path) -> None:
    """A training that is stopped goes on with what it had learned."""
    path, first, again = tmp_path / "some.ckpt", stage(start()), stage(start())
    fit(first, PATCHES, path)
    assert first_norm(first).any()
    fit(again, OTHERS, tmp_path / "again.ckpt", epochs=2, ckpt_path=path)
    assert torch.equal(first_norm(again), first_norm(first))


def test_batch_norm_is_matched_to_the_first_batch_of_a_step_of_several(tmp_path: Path) -> None:
    once, often = stage(start()), stage(start())
    fit(once, PATCHES, tmp_path / "once.ckpt")
    runner = trainer()
    runner.accumulate_grad_batches = 2
    runner.fit(often, DataLoader([PATCHES, OTHERS], batch_size=None))
    assert torch.equal(first_norm(often), first_norm(once))


def test_fresh_weights_begin_with_the_identity(tmp_path: Path) -> None:
    training = stage(None)
    fit(training, PATCHES, tmp_path / "some.ckpt")
    assert not first_norm(training).any()


def test_all_processes_start_with_what_the_first_has_seen() -> None:
    first, second = stage(start()), stage(start())
    sent = []
    for each, receive in ((first, lambda state: sent.append(state) or state), (second, lambda _: sent[0])):
        each._trainer = SimpleNamespace(global_step=0, strategy=SimpleNamespace(broadcast=receive))  # type: ignore[assignment]
    first.on_train_batch_start(PATCHES, 0)
    second.on_train_batch_start(OTHERS, 0)
    assert torch.equal(first_norm(second), first_norm(first))


@pytest.mark.parametrize("stage_class", [PNetStage, RNetStage, ONetStage])
def test_one_patch_has_no_variance(stage_class: type[Stage]) -> None:
    one, two = (
        PatchBatch(*(column[:count] for column in one_batch(NETS[stage_class.name].input_size))) for count in (1, 2)
    )
    with pytest.raises(UserError, match=r"^data\.batch_size: .* 2 or more, or net\.batch_norm=false$"):
        trainer().fit(stage_class(partial(SGD, lr=0.0), batch_norm=True), batches(1, one))
    trainer().fit(stage_class(partial(SGD, lr=0.0), batch_norm=True), batches(1, two))
    trainer().fit(stage_class(partial(SGD, lr=0.0)), batches(1, one))


def test_a_mean_of_the_weights_has_means_of_their_statistics() -> None:
    means = []
    for callbacks in ([], [RunningMean(0.5)]):
        torch.manual_seed(0)
        runner, training = trainer(epochs=2), PNetStage(partial(SGD, lr=0.1), batch_norm=True)
        runner.callbacks.extend(callbacks)  # type: ignore[attr-defined]
        runner.fit(training, batches(3, PATCHES))
        means.append([norm.running_mean for norm in training.net.modules() if isinstance(norm, BatchNorm)])
    for plain, averaged in zip(*means, strict=True):
        assert averaged.isfinite().all()
        assert not torch.equal(plain, averaged)
