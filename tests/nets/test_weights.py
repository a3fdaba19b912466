from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mtcnn_lit.nets import NETS, ONet, PNet, RNet, WeightsError, load_net, weights_digest
from mtcnn_lit.nets.weights import checkpoint_file, save_net
from tests.full_disk import fill_disk, needs_full_device


def training_checkpoint(net: torch.nn.Module, name: str) -> dict[str, Any]:
    """What Lightning writes for a module that keeps the network in its attribute `net`, beside other state."""
    weights = {f"net.{key}": value for key, value in net.state_dict().items()}
    return {"state_dict": {**weights, "metric.total": torch.ones(3)}, "hyper_parameters": {"net": name, "lr": 0.001}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.ckpt"


@pytest.mark.parametrize(("name", "kind"), [("pnet", PNet), ("rnet", RNet), ("onet", ONet)])
def test_round_trip(path: Path, name: str, kind: type[PNet] | type[RNet] | type[ONet]) -> None:
    net = kind().eval()
    torch.save(training_checkpoint(net, name), path)
    loaded = load_net(path, name)
    assert type(loaded) is NETS[name] is kind
    assert not loaded.training
    images = torch.randn(2, 3, kind.input_size, kind.input_size)
    with torch.no_grad():
        for expected, actual in zip(net(images), loaded(images), strict=True):
            torch.testing.assert_close(actual, expected)  # the memory's layout differs, so the last bits may
    assert weights_digest(loaded) == weights_digest(net)


def test_a_run_s_folder_means_its_best_checkpoint(tmp_path: Path) -> None:
    best = tmp_path / "checkpoints" / "best.ckpt"
    best.parent.mkdir()
    torch.save(training_checkpoint(PNet(), "pnet"), best)
    assert checkpoint_file(tmp_path) == best
    assert isinstance(load_net(str(tmp_path), "pnet"), PNet)


def test_a_missing_file_and_a_folder_without_best(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no checkpoint at .*none\.ckpt: name a \.ckpt file or a run's folder"):
        load_net(tmp_path / "none.ckpt", "pnet")
    with pytest.raises(WeightsError, match=r"no checkpoints/best\.ckpt in .*: name a finished run's folder"):
        load_net(tmp_path, "pnet")


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"no checkpoint at all\n" * 20, bytes(500), b"PK\x03\x04 and then nothing"]
)
def test_garbage(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"some\.ckpt is no checkpoint that can be read"):
        load_net(path, "pnet")


def test_a_file_cut_short(path: Path) -> None:
    torch.save(training_checkpoint(PNet(), "pnet"), path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(WeightsError, match=r"some\.ckpt is no checkpoint that can be read"):
        load_net(path, "pnet")


class Trap:
    """Unpickling it writes a file: code of the checkpoint's author runs on the reader's machine."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.sprung,))


@pytest.mark.parametrize(
    "save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))]
)
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path: Path, path: Path, save: Any) -> None:
    save({**training_checkpoint(PNet(), "pnet"), "extra": Trap(tmp_path / "sprung")}, path)
    with pytest.raises(WeightsError, match="or holds more than weights"):
        load_net(path, "pnet")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "content",
    [
        torch.ones(3),
        PNet().state_dict(),
        {"state_dict": {}},
        {"state_dict": [1], "hyper_parameters": {"net": "pnet"}},
        {"state_dict": {}, "hyper_parameters": None},
    ],
)
def test_something_that_is_no_training_checkpoint(path: Path, content: Any) -> None:
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"some\.ckpt is not a training checkpoint: it has no state_dict and"):
        load_net(path, "pnet")


@pytest.mark.parametrize(("hyper_parameters", "held"), [({"net": "rnet"}, "rnet"), ({}, "something else")])
def test_weights_of_another_network(path: Path, hyper_parameters: dict[str, str], held: str) -> None:
    torch.save({**training_checkpoint(RNet(), "rnet"), "hyper_parameters": hyper_parameters}, path)
    with pytest.raises(WeightsError, match=rf"some\.ckpt holds weights of {held}, but onet is asked for"):
        load_net(path, "onet")


def test_layers_that_do_not_fit(path: Path) -> None:
    torch.save(training_checkpoint(RNet(), "pnet"), path)
    with pytest.raises(WeightsError, match=r"the weights in .*some\.ckpt do not fit pnet: "):
        load_net(path, "pnet")
    missing = training_checkpoint(PNet(), "pnet")
    del missing["state_dict"]["net.face.bias"]
    torch.save(missing, path)
    with pytest.raises(WeightsError, match=r'do not fit pnet: .*"face\.bias"'):
        load_net(path, "pnet")


def test_the_digest_follows_the_weights_alone() -> None:
    net, twin = PNet(), PNet()
    twin.load_state_dict(net.state_dict())
    assert weights_digest(net) == weights_digest(twin.to(memory_format=torch.channels_last)) != weights_digest(PNet())
    with torch.no_grad():
        twin.face.bias += 1e-6
    assert weights_digest(net) != weights_digest(twin)


def test_the_digest_stays_what_earlier_runs_have_kept() -> None:
    """Of each weight, by name, its name and its value."""
    layer = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(layer.weight, 1)
    torch.nn.init.constant_(layer.bias, 2)
    assert weights_digest(layer).startswith("bb01e13621c2")


def test_a_package_without_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtcnn_lit.nets.weights._RELEASED", tmp_path)
    with pytest.raises(WeightsError, match=r"pnet\.safetensors is missing from the package: install it again, or name"):
        load_net("pretrained", "pnet")


def test_safetensors_round_trip(tmp_path: Path) -> None:
    net = RNet().eval()
    save_net(net, "rnet", tmp_path / "new" / "rnet.safetensors", {"recipe": "none"})
    loaded = load_net(tmp_path / "new" / "rnet.safetensors", "rnet")
    assert weights_digest(loaded) == weights_digest(net)
    assert not loaded.training
    with pytest.raises(WeightsError, match="holds weights of rnet, but onet is asked for"):
        load_net(tmp_path / "new" / "rnet.safetensors", "onet")


def test_a_safetensors_file_that_says_nothing_of_itself(tmp_path: Path) -> None:
    save_file(PNet().state_dict(), tmp_path / "some.safetensors")
    with pytest.raises(WeightsError, match=r"holds weights of something else, but pnet is asked for$"):
        load_net(tmp_path / "some.safetensors", "pnet")


def test_what_is_told_about_weights_is_kept_beside_them(tmp_path: Path) -> None:
    save_net(PNet(), "pnet", tmp_path / "pnet.safetensors", {"recipe": "none"})
    with safe_open(tmp_path / "pnet.safetensors", framework="pt") as file:
        assert file.metadata() == {"net": "pnet", "recipe": "none"}


def test_loaded_networks_have_the_memory_layout_that_runs_fastest(tmp_path: Path) -> None:
    save_net(PNet(), "pnet", tmp_path / "pnet.safetensors", {})
    first = load_net(tmp_path / "pnet.safetensors", "pnet").features[0]
    assert isinstance(first, torch.nn.Conv2d)
    assert first.weight.is_contiguous(memory_format=torch.channels_last)


@needs_full_device
def test_on_a_full_disk_the_weights_before_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, path = RNet(), tmp_path / "rnet.safetensors"
    save_net(before, "rnet", path, {})
    fill_disk(path, monkeypatch)
    with pytest.raises(OSError, match="No space left on device"):
        save_net(RNet(), "rnet", path, {})
    assert weights_digest(load_net(path, "rnet")) == weights_digest(before)


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", bytes(500), b"\xff" * 64])
def test_broken_safetensors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"some\.safetensors is no safetensors file that can be read"):
        load_net(path, "pnet")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_weights_that_are_no_numbers_are_refused(path: Path, value: float | None) -> None:
    checkpoint = training_checkpoint(PNet(), "pnet")
    bias = checkpoint["state_dict"]["net.face.bias"]
    checkpoint["state_dict"]["net.face.bias"] = bias.long() if value is None else torch.full_like(bias, value)
    torch.save(checkpoint, path)
    with pytest.raises(WeightsError, match=r"some\.ckpt holds no finite weights, as a training that diverged"):
        load_net(path, "pnet")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_weights_of_other_float_types_become_float32(path: Path, kind: torch.dtype) -> None:
    checkpoint = training_checkpoint(PNet(), "pnet")
    bias = checkpoint["state_dict"]["net.face.bias"]
    checkpoint["state_dict"]["net.face.bias"] = torch.full_like(bias, 0.5).to(kind)
    torch.save(checkpoint, path)
    loaded = load_net(path, "pnet").state_dict()["face.bias"]
    assert (loaded.dtype, loaded.unique().tolist()) == (torch.float32, [0.5])


@pytest.mark.parametrize("weight", [torch.empty(1, device="meta"), [0.5], None])
def test_what_is_no_weight_does_not_fit(path: Path, weight: object) -> None:
    checkpoint = training_checkpoint(PNet(), "pnet")
    checkpoint["state_dict"]["net.face.bias"] = weight
    torch.save(checkpoint, path)
    with pytest.raises(WeightsError, match="do not fit pnet"):
        load_net(path, "pnet")


@pytest.mark.parametrize("part", [{"state_dict": {1: torch.ones(1)}}, {"hyper_parameters": {"net": torch.ones(2)}}])
def test_a_checkpoint_with_odd_keys(path: Path, part: dict[str, Any]) -> None:
    torch.save({**training_checkpoint(PNet(), "pnet"), **part}, path)
    with pytest.raises(WeightsError, match=r"do not fit pnet|holds weights of something else, but pnet is asked for"):
        load_net(path, "pnet")


def test_a_name_that_is_too_long_for_any_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"x: File name too long; name a \.ckpt file or a run's folder$"):
        load_net(tmp_path / ("x" * 300), "pnet")
