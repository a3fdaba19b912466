from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from mtcnn_lit import MTCNN
from mtcnn_lit.boxes import iou
from mtcnn_lit.detections import Candidates
from mtcnn_lit.images import Image
from mtcnn_lit.nets import Net, load_net, normalize, weights_digest
from mtcnn_lit.onnx_backend import OnnxError, OnnxForward, run_by_onnx, to_onnx
from mtcnn_lit.sources import Synthetic

WEIGHTS = Path(__file__).parents[1] / "mtcnn_lit" / "weights"
RELEASED = {name: WEIGHTS / f"{name}.safetensors" for name in ("pnet", "rnet", "onet")}


@pytest.fixture(scope="module")
def nets() -> dict[str, Net]:
    return {name: load_net(path, name) for name, path in RELEASED.items()}


@pytest.fixture(scope="module")
def models(nets: dict[str, Net]) -> dict[str, bytes]:
    return {name: to_onnx(net) for name, net in nets.items()}


def noise(batch: int, height: int, width: int) -> Tensor:
    return normalize(torch.randint(0, 256, (batch, height, width, 3), generator=torch.Generator().manual_seed(batch)))


@pytest.mark.parametrize("batch", [0, 1, 2, 37])
@pytest.mark.parametrize(
    ("name", "height", "width"),
    [
        ("pnet", 12, 12),
        ("pnet", 13, 12),
        ("pnet", 12, 131),
        ("pnet", 60, 45),
        ("pnet", 301, 200),
        ("rnet", 24, 24),
        ("onet", 48, 48),
    ],
)
@torch.no_grad()
def test_the_model_answers_as_the_network(
    nets: dict[str, Net], models: dict[str, bytes], name: str, height: int, width: int, batch: int
) -> None:
    images = noise(batch, height, width)
    expected_logits, expected_offsets = nets[name](images)
    logits, offsets = OnnxForward(models[name])(images)
    assert_close(logits, expected_logits, atol=1e-4, rtol=0)
    assert_close(offsets, expected_offsets, atol=1e-4, rtol=0)
    assert batch < 2 or expected_logits.std() > 0.01  # else anything would equal anything


def dimensions(value: onnx.ValueInfoProto) -> list[str | int]:
    return [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize(
    ("name", "images", "logits", "offsets"),
    [
        ("pnet", ["batch", 3, "height", "width"], ["batch", "rows", "columns"], ["batch", 4, "rows", "columns"]),
        ("rnet", ["batch", 3, 24, 24], ["batch"], ["batch", 4]),
        ("onet", ["batch", 3, 48, 48], ["batch"], ["batch", 4]),
    ],
)
def test_the_model_names_its_inputs_and_outputs(
    models: dict[str, bytes], name: str, images: list[str | int], logits: list[str | int], offsets: list[str | int]
) -> None:
    graph = onnx.load_model_from_string(models[name]).graph
    assert {value.name: dimensions(value) for value in graph.input} == {"images": images}
    assert {value.name: dimensions(value) for value in graph.output} == {"logits": logits, "offsets": offsets}


def test_the_model_says_what_it_is_and_takes(nets: dict[str, Net], models: dict[str, bytes]) -> None:
    model = onnx.load_model_from_string(models["rnet"])
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "net": "RNet",
        "images": "RGB, (pixel - 127.5) / 128",
        "weights": weights_digest(nets["rnet"]),
    }
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]


def test_networks_are_exported_in_several_threads_at_once(nets: dict[str, Net], models: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(to_onnx, [nets["rnet"]] * 8)) == [models["rnet"]] * 8


@pytest.fixture(params=["float64", "float16", "bfloat16", "autocast"])
def surroundings(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "autocast":
        with torch.autocast("cpu", torch.bfloat16):
            yield
    else:
        torch.set_default_dtype(getattr(torch, request.param))
        yield
        torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("models", "surroundings")
@pytest.mark.parametrize("name", ["pnet", "onet"])
def test_the_model_is_the_same_whatever_types_torch_takes(
    nets: dict[str, Net], models: dict[str, bytes], name: str
) -> None:
    assert to_onnx(nets[name]) == models[name]


def test_the_network_keeps_all_but_its_forward(nets: dict[str, Net]) -> None:
    run = run_by_onnx(load_net(RELEASED["pnet"], "pnet"))
    assert (type(run), run.input_size, run.stride) == (type(nets["pnet"]), 12, 2)
    assert weights_digest(run) == weights_digest(nets["pnet"])


@torch.no_grad()
def test_worker_processes_can_be_sent_a_network(nets: dict[str, Net]) -> None:
    images = noise(3, 24, 24)
    run = run_by_onnx(load_net(RELEASED["rnet"], "rnet"))
    before = run(images)  # with a session, which can't be sent
    sent = pickle.loads(pickle.dumps(run))
    assert isinstance(sent.forward, OnnxForward)
    assert_close(sent(images), before, atol=0, rtol=0)


def test_as_many_threads_as_torch_has_at_each_call(models: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    forward = OnnxForward(models["rnet"])
    for threads in (1, 2, 1):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        forward(noise(1, 24, 24))
    sessions = forward._sessions
    assert {n: session.get_session_options().intra_op_num_threads for n, session in sessions.items()} == {1: 1, 2: 2}


def first_look(detector: MTCNN, pictures: list[Image]) -> Candidates:
    """What O-Net finds in all pictures before it looks again."""
    steps = detector.cascade.steps(pictures)
    return next(step.found for step in steps if step.name == "nms")


def test_both_backends_detect_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Synthetic("test", num_images={"train": 1, "val": 1, "test": 4})
    pictures = [source.read(index) for index in range(4)] + [np.zeros((9, 9, 3), np.uint8)]
    # Each look after the first cuts its crops by the boxes of the one before, where cv2 rounds to the 32nd of a pixel,
    # so that what backends differ by (1e-6 in a look) may grow where O-Net is in doubt: no weakest boxes, and more
    # leeway for the scores of all looks together than for those of the first.
    settings = {"min_face_size": 24, "thresholds": (0.3, 0.2, 0.5)}
    reference = MTCNN.from_checkpoints(**RELEASED, **settings, device="cpu")  # type: ignore[arg-type]
    expected, expected_at_first = reference.detect(pictures), first_look(reference, pictures)
    detector = MTCNN.from_checkpoints(**RELEASED, **settings, backend="onnx")  # type: ignore[arg-type]
    monkeypatch.setattr(nn.Conv2d, "forward", None)  # PyTorch has no part in it
    found, found_at_first = detector.detect(pictures), first_look(detector, pictures)
    assert [len(one) for one in found] == [len(one) for one in expected]
    assert sum(len(one) for one in found) >= 4
    for ours, theirs, atol in [*zip(found, expected, repeat(5e-3)), (found_at_first, expected_at_first, 1e-3)]:
        assert (iou(ours.boxes, theirs.boxes).diagonal() > 0.99).all()
        assert_close(ours.scores, theirs.scores, atol=atol, rtol=0)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_remedy(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OnnxError, match=rf"^packages for ONNX are missing \(.*{package}.*\): pip install 'mtcnn-lit"):
        MTCNN.from_checkpoints(**RELEASED, backend="onnx")
    MTCNN.from_checkpoints(**RELEASED)  # needs none of them


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"backend": "tensorrt"}, "^backend must be torch or onnx, not tensorrt$"),
        (
            {"backend": "onnx", "device": "cuda:0"},
            "^backend onnx runs on the CPU: set device to cpu or auto, not cuda:0$",
        ),
    ],
)
def test_a_backend_that_is_not_there(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        MTCNN.from_checkpoints(**RELEASED, **settings)  # type: ignore[arg-type]
