from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from mtcnn_lit.nets import NETS, Net, PNet, add_batch_norm, init_as_identity, load_net
from mtcnn_lit.nets.batch_norm import BatchNorm, fold_batch_norm

names = pytest.mark.parametrize("name", list(NETS))


def trained(name: str) -> Net:
    """A network with batch normalisation that has seen some inputs, and whose scales are of both signs."""
    torch.manual_seed(0)
    net = add_batch_norm(NETS[name]())
    for _ in range(3):
        net(inputs(net))
    for norm in norms(net):
        nn.init.normal_(norm.weight, 2, 1.5)
        nn.init.normal_(norm.bias)
    return net.eval()


def norms(net: nn.Module) -> list[BatchNorm]:
    return [layer for layer in net.modules() if isinstance(layer, BatchNorm)]


def inputs(net: Net, count: int = 64) -> torch.Tensor:
    return torch.randn(count, 3, net.input_size, net.input_size) * 3 + 1


def test_it_is_torchs_own_where_scales_are_positive() -> None:
    torch.manual_seed(0)
    ours, theirs = BatchNorm(5), nn.BatchNorm2d(5)
    features = torch.randn(4, 5, 6, 7) * 2 + 3
    for train in (True, False):
        torch.testing.assert_close(ours.train(train)(features), theirs.train(train)(features))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)


def test_it_never_falls() -> None:
    norm = BatchNorm(1).eval()
    norm.weight.data.fill_(-2)
    assert norm(torch.tensor([[-1.0], [5.0]])).tolist() == [[0], [0]]


def test_features_that_it_was_matched_to_stay_as_they_are() -> None:
    """In training too: few of them would show the variance of a sample."""
    norm, features = BatchNorm(2), torch.tensor([[1.0, -4.0], [3.0, 4.0]])
    with torch.no_grad():
        norm.keep(features)
        torch.testing.assert_close(norm.eval()(features), features)
        torch.testing.assert_close(norm.train()(features), features)


def test_it_stands_behind_the_pooling_which_leaves_it_a_quarter_of_the_work() -> None:
    layers = [type(layer).__name__ for layer in add_batch_norm(PNet()).features]
    assert layers[:4] == ["Conv2d", "MaxPool", "BatchNorm", "MonotonePReLU"]
    assert layers[4:] == ["Conv2d", "BatchNorm", "PReLU"] * 2


@names
def test_folded_into_the_weights_the_network_gives_the_same(name: str) -> None:
    net = trained(name)
    folded = fold_batch_norm(net)
    assert folded.state_dict().keys() == NETS[name]().state_dict().keys()
    given = inputs(net, 8).double()  # or rounding would show
    for output, expected in zip(folded.double()(given), net.double()(given), strict=True):
        torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)
        assert expected.std() > 1e-3  # not the same by being nothing


@names
def test_folding_leaves_the_network_in_training_as_it_was(name: str) -> None:
    net = trained(name)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    fold_batch_norm(net)
    assert norms(net)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@names
def test_each_layer_has_its_own_one_but_the_last_two(name: str) -> None:
    """The face's and the box's layers give what the losses are made of."""
    net = add_batch_norm(NETS[name]())
    layers = [layer for layer in net.features if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert [len(norm.weight) for norm in norms(net)] == [layer.weight.shape[0] for layer in layers]


@names
def test_a_trained_network_keeps_its_function(name: str) -> None:
    """In evaluation exactly, in training as closely as batches are alike."""
    torch.manual_seed(0)
    plain = NETS[name]().eval()
    given = inputs(plain, 512)
    expected = [output.detach() for output in plain(given)]
    net = add_batch_norm(NETS[name]())
    for own, trained_layer in zip(
        (layer for layer in net.features if not isinstance(layer, BatchNorm)), plain.features, strict=True
    ):
        own.load_state_dict(trained_layer.state_dict())
    net.face.load_state_dict(plain.face.state_dict())
    net.box.load_state_dict(plain.box.state_dict())
    init_as_identity(net, given[:256])
    for output, before in zip(net.eval()(given), expected, strict=True):
        torch.testing.assert_close(output, before, rtol=1e-3, atol=1e-5)
    net.train()
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    for output, before in zip(net(given[256:]), (each[256:] for each in expected), strict=True):
        assert (output - before).std() < before.std() / 2


@names
def test_a_checkpoint_of_it_loads_as_the_papers_network(name: str, tmp_path: Path) -> None:
    net = trained(name)
    weights = {f"net.{key}": value for key, value in net.state_dict().items()}
    torch.save({"state_dict": weights, "hyper_parameters": {"net": name}}, tmp_path / "norm.ckpt")
    loaded = load_net(tmp_path / "norm.ckpt", name)
    assert not norms(loaded)
    given = inputs(net, 8).double()
    torch.testing.assert_close(loaded.double()(given), net.double()(given), rtol=1e-4, atol=1e-5)
