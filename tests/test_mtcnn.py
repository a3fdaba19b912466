from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import skimage.data
import torch

import mtcnn_lit
from mtcnn_lit import MTCNN, Detections
from mtcnn_lit import mtcnn as module
from mtcnn_lit.boxes import iou
from mtcnn_lit.cascade import Cascade, Pyramid, Step
from mtcnn_lit.images import ImageError, read_image, write_image
from mtcnn_lit.mtcnn import pick_device
from mtcnn_lit.nets import NETS, ONet, PNet, RNet, WeightsError, load_net, weights_digest
from tests.bright_squares import bright_cascade, picture

IMAGE = picture(90, 120, (40, 20, 80, 60))


@pytest.fixture
def detector() -> MTCNN:
    return MTCNN(bright_cascade())


def assert_on_the_face(found: Detections) -> None:
    torch.testing.assert_close(found.boxes, torch.tensor([[40.0, 20, 80, 60]]), atol=2, rtol=0)


def test_an_array(detector: MTCNN) -> None:
    assert_on_the_face(detector.detect(IMAGE))


def test_a_path(detector: MTCNN, tmp_path: Path) -> None:
    write_image(tmp_path / "picture.png", IMAGE)
    assert_on_the_face(detector.detect(tmp_path / "picture.png"))
    assert_on_the_face(detector.detect(str(tmp_path / "picture.png")))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_a_pil_image(detector: MTCNN, mode: str) -> None:
    assert_on_the_face(detector.detect(PIL.Image.fromarray(IMAGE).convert(mode)))


def test_an_array_that_lies_otherwise_in_memory(detector: MTCNN) -> None:
    assert_on_the_face(detector.detect(np.asfortranarray(IMAGE)))
    assert_on_the_face(detector.detect(IMAGE[..., ::-1]))
    mirrored = detector.detect(IMAGE[:, ::-1])
    torch.testing.assert_close(mirrored.boxes, torch.tensor([[40.0, 20, 80, 60]]), atol=2, rtol=0)


def test_a_tensor(detector: MTCNN) -> None:
    tensor = torch.from_numpy(IMAGE)
    assert_on_the_face(detector.detect(tensor))
    assert_on_the_face(detector.detect(tensor.permute(2, 0, 1)))  # as torchvision reads pictures
    batch = torch.stack([tensor, tensor])
    assert [len(found) for found in detector.detect(list(batch))] == [1, 1]


@pytest.fixture
def astronaut() -> Detections:
    return MTCNN.from_pretrained(device="cpu").detect(skimage.data.astronaut())


def test_bgr_turns_the_channels_of_arrays(astronaut: Detections) -> None:
    """Networks that look at colours say what the order was.

    Lists are compared with lists: in other batches the last digits differ, and with them what O-Net's next look sees.
    """
    detector, picture = MTCNN.from_pretrained(device="cpu"), skimage.data.astronaut()
    frame = picture[..., ::-1]
    pairs = [
        (detector.detect(frame, bgr=True), astronaut),
        (detector.detect([frame, frame], bgr=True)[1], detector.detect([picture, picture])[1]),
    ]
    for found, expected in pairs:
        torch.testing.assert_close(found.boxes, expected.boxes)
        torch.testing.assert_close(found.scores, expected.scores)
    assert not torch.equal(detector.detect(frame).boxes, astronaut.boxes)


@pytest.mark.parametrize(
    "given", ["picture.png", Path("picture.png"), PIL.Image.fromarray(IMAGE), torch.from_numpy(IMAGE)]
)
def test_bgr_is_for_arrays_alone(detector: MTCNN, given: Any) -> None:
    with pytest.raises(ImageError, match=r"bgr=True is for arrays, not (str|PosixPath|Image|Tensor)"):
        detector.detect(given, bgr=True)
    with pytest.raises(ImageError, match="bgr=True is for arrays"):
        detector.detect([IMAGE, given], bgr=True)


@pytest.mark.parametrize("sequence", [list, tuple])
def test_a_list_of_anything_gives_a_list(detector: MTCNN, tmp_path: Path, sequence: Any) -> None:
    write_image(tmp_path / "picture.png", IMAGE)
    pictures = [IMAGE, tmp_path / "picture.png", PIL.Image.fromarray(IMAGE), picture(30, 50)]
    found = detector.detect(sequence(pictures))
    assert [len(one) for one in found] == [1, 1, 1, 0]
    for one in found[:3]:
        assert_on_the_face(one)
    assert detector.detect(sequence([IMAGE]))[0].boxes.shape == (1, 4)
    assert detector.detect(sequence([])) == []


def test_the_files_of_a_list_are_read_a_few_at_a_time(
    detector: MTCNN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [5 * number for number in range(20)]
    paths = [tmp_path / f"{number}.png" for number in range(20)]
    for path, x in zip(paths, left, strict=True):
        write_image(path, picture(90, 160, (x, 20, x + 40, 60)))
    read: list[Path] = []
    read_before_each_step = []
    steps = Cascade.steps

    def counted(cascade: Cascade, pyramids: Sequence[Pyramid]) -> Iterator[Step]:
        read_before_each_step.append(len(read))
        return steps(cascade, pyramids)

    monkeypatch.setattr(Cascade, "steps", counted)
    monkeypatch.setattr(module, "read_image", lambda path: (read.append(path), read_image(path))[1])
    found = detector.detect(paths)
    assert read_before_each_step == [16, 20]
    assert [round(one.boxes[0, 0].item()) for one in found] == pytest.approx(left, abs=2)


def test_it_finds_the_same_whatever_type_torch_takes_by_default(astronaut: Detections) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        detector = MTCNN.from_pretrained(device="cpu")
        found, none = detector.detect(skimage.data.astronaut()), detector.detect(picture(9, 9))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found.boxes, astronaut.boxes)
    assert torch.equal(found.scores, astronaut.scores)
    assert len(none) == len(Detections.empty()) == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_it_finds_the_same_inside_autocast(astronaut: Detections, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        detector = MTCNN.from_pretrained(device="cpu")
        with torch.autocast("cpu", torch.bfloat16):
            found = detector.detect(skimage.data.astronaut())
            assert torch.is_autocast_enabled("cpu")
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found.boxes, astronaut.boxes)
    assert torch.equal(found.scores, astronaut.scores)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (IMAGE.astype(np.float32) / 255, r"must be a uint8 RGB array \(H, W, 3\), not float32 \(90, 120, 3\)"),
        (IMAGE[..., 0], r"not uint8 \(90, 120\)"),
        (np.zeros((90, 120, 4), np.uint8), r"not uint8 \(90, 120, 4\)"),
        (np.zeros((0, 0, 3), np.uint8), "must have pixels"),
        (torch.zeros(3, 90, 120), r"not float32 \(90, 120, 3\): scale its values to 0 to 255 and convert it to uint8"),
        (torch.zeros(3, 90, 120, dtype=torch.bfloat16), r"uint8 tensor \(3, H, W\) or \(H, W, 3\): .*BFloat16$"),
        (torch.zeros(3, 90, 120).to(torch.float8_e4m3fn), r"a dense uint8 tensor .*Float8_e4m3fn$"),
        (torch.zeros(90, 120, 3, dtype=torch.uint8).to_sparse(), r"a dense uint8 tensor .*to_dense\(\) first\.$"),
        (torch.zeros(90, 120, 3, dtype=torch.uint8, device="meta"), "a dense uint8 tensor .*meta tensor; no data!$"),
        (torch.zeros(90, 120, 3, dtype=torch.complex64).conj(), "a dense uint8 tensor .*conjugate bit"),
        (torch.empty(90, 120, 3, dtype=torch.bits8), "a dense uint8 tensor .*Bits8$"),
        (torch.nested.nested_tensor([torch.zeros(3, 4)], layout=torch.jagged), "a dense uint8 tensor .*subclasses"),
        (torch.zeros(90, 120, dtype=torch.uint8), r"not uint8 \(90, 120\)"),
        (torch.zeros(2, 3, 90, 120, dtype=torch.uint8), r"not uint8 \(2, 3, 90, 120\): give a batch as a list"),
        (np.zeros((2, 90, 120, 3), np.uint8), r"not uint8 \(2, 90, 120, 3\): give a batch as a list"),
        (None, "not NoneType"),
        ("nowhere.jpg", r"can't read nowhere\.jpg: No such file"),
        (PIL.Image.new("I;16", (20, 20)), "mode I;16 has no 8-bit pixels: convert it, or give its path"),
        (PIL.Image.new("F", (20, 20)), "mode F has no 8-bit pixels"),
    ],
)
def test_what_is_no_picture_is_refused(detector: MTCNN, given: Any, complaint: str) -> None:
    with pytest.raises(ImageError, match=complaint):
        detector.detect(given)
    with pytest.raises(ImageError, match=complaint):
        detector.detect([IMAGE, given])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"])
def test_pil_images_of_8_bits_are_taken_in_every_mode(detector: MTCNN, mode: str) -> None:
    assert len(detector.detect(PIL.Image.new(mode, (40, 30)))) == 0


def test_a_truncated_pil_image_is_refused(detector: MTCNN) -> None:
    file = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)).save(file, "JPEG")
    truncated = PIL.Image.open(io.BytesIO(file.getvalue()[:2000]))
    with pytest.raises(ImageError, match=r"^can't read the PIL image: .*truncated"):
        detector.detect(truncated)


@pytest.fixture
def checkpoints(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for name, net in (("pnet", PNet()), ("rnet", RNet()), ("onet", ONet())):
        weights = {f"net.{key}": value for key, value in net.state_dict().items()}
        paths[name] = tmp_path / f"{name}.ckpt"
        torch.save({"state_dict": weights, "hyper_parameters": {"net": name}}, paths[name])
    return paths


def test_from_checkpoints_takes_weights_and_settings(checkpoints: dict[str, Path]) -> None:
    detector = MTCNN.from_checkpoints(
        **checkpoints, min_face_size=31, scale_factor=0.6, thresholds=(0.1, 0.2, 0.3), device="cpu"
    )
    cascade = detector.cascade
    assert [type(net) for net in cascade.nets] == [PNet, RNet, ONet]
    assert (cascade.min_face_size, cascade.scale_factor, cascade.thresholds) == (31, 0.6, (0.1, 0.2, 0.3))
    for net, path in zip(cascade.nets, checkpoints.values(), strict=True):
        stored = torch.load(path)["state_dict"]
        assert torch.equal(net.face.weight, stored["net.face.weight"])
    assert len({weights_digest(net) for net in cascade.nets}) == 3


def test_from_checkpoints_defaults(checkpoints: dict[str, Path]) -> None:
    cascade = MTCNN.from_checkpoints(*checkpoints.values(), device="cpu").cascade
    assert (cascade.min_face_size, cascade.scale_factor, cascade.thresholds) == (20, 0.709, (0.65, 0.15, 0.5))


def test_checkpoints_in_the_wrong_order(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(WeightsError, match="holds weights of onet, but rnet is asked for"):
        MTCNN.from_checkpoints(checkpoints["pnet"], checkpoints["onet"], checkpoints["rnet"])


@pytest.mark.parametrize(("gpu", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_when_there_is_one(monkeypatch: pytest.MonkeyPatch, gpu: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert pick_device("auto") == torch.device(expected)
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("device", ["cdua", "cuda:99", "", "meta"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(ValueError, match=f"^device {device!r}: torch finds none here; take cpu or auto$"):
        MTCNN.from_pretrained(device=device)


def test_the_released_weights_find_the_one_face_of_the_astronaut() -> None:
    found = MTCNN.from_pretrained(device="cpu").detect(skimage.data.astronaut())
    assert len(found) == 1
    assert iou(found.boxes, torch.tensor([[181.0, 62, 268, 172]])).item() >= 0.5


def test_the_model_card_names_the_released_weights() -> None:
    folder = Path(mtcnn_lit.__file__).parent / "weights"
    card = (folder / "README.md").read_text()
    for name in NETS:
        assert f"| {name}.safetensors | {weights_digest(load_net('pretrained', name))} |" in card
    assert {path.stem for path in folder.glob("*.safetensors")} == set(NETS)
