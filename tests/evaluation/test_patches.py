"""The figures of one network on six hand-made patches, and what is written of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mtcnn_lit.data.patches import PatchDataset, PatchError
from mtcnn_lit.errors import UserError
from mtcnn_lit.evaluation.patch_report import patch_summary, worst_patches, write_patch_evaluation
from mtcnn_lit.evaluation.patches import PatchScores, Predictions, box_iou_by_label, figures, predict, scores_by_origin
from mtcnn_lit.mining.label import LabelThresholds
from mtcnn_lit.mining.store import Origin, Patches, PatchStore, PatchWriter
from tests.full_disk import needs_full_device

# Each patch is a crop of side 1 whose face is as high and wider by the first of these; all its pixels are its number.
WIDER = [0.25, 0, 0, 3 / 7, 1, 1.9]
IOU = [0.8, 0.1, 0, 0.7, 0.5, 0.35]  # positive, negative, negative, positive, part, none
ORIGIN = [Origin.JITTER, Origin.CASCADE, Origin.CASCADE, Origin.CASCADE, Origin.CASCADE, Origin.RANDOM]
# What the network says of them.
SCORES = [0.9, 0.8, 0.6, 0.3, 0.99, 0.5]
PREDICTED = [0.25, 5, 5, 0, 0.6, 5]


class Oracle(nn.Module):
    """Knows each patch by its pixels, and predictions in the shapes of P-Net."""

    context = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(SCORES).logit())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        number = (images[:, 0, 0, 0] * 128 + 127.5).round().long()
        offsets = torch.zeros(len(images), 4, 1, 1)
        offsets[:, 2, 0, 0] = torch.tensor(PREDICTED)[number]
        return self.logits[number, None, None], offsets


def dataset(folder: Path, chosen: list[int]) -> PatchDataset:
    offsets = np.zeros((len(chosen), 4), np.float32)
    offsets[:, 2] = np.take(WIDER, chosen)
    return store_of(folder, chosen, np.take(np.float32(IOU), chosen), offsets, np.take(ORIGIN, chosen))


def store_of(folder: Path, numbers: list[int], iou: Any, offsets: Any, origin: Any) -> PatchDataset:
    """Patches of one image whose pixels are their numbers."""
    pixels = np.uint8(numbers)[:, None, None, None].repeat(12, 1).repeat(12, 2).repeat(3, 3)
    columns = np.float32(iou), np.float32(offsets), np.zeros(len(numbers), np.int32), np.uint8(origin)

    def write(writer: PatchWriter) -> dict[str, int]:
        writer.append(Patches(pixels, *columns))
        return {}

    return PatchDataset(PatchStore.open_or_mine(folder / "store", {}, 12, write), LabelThresholds())


@pytest.fixture
def patches(tmp_path: Path) -> PatchDataset:
    return dataset(tmp_path, [0, 1, 2, 3, 4, 5])


@pytest.fixture
def predictions(patches: PatchDataset) -> Predictions:
    return predict(Oracle(), patches, batch_size=2)


def test_all_patches_with_a_label_are_judged(predictions: Predictions) -> None:
    assert predictions.place.tolist() == [0, 1, 2, 3, 4]
    assert predictions.scores.tolist() == pytest.approx([0.9, 0.8, 0.6, 0.3, 0.99])
    assert predictions.iou_before[[0, 3, 4]].tolist() == pytest.approx([0.8, 0.7, 0.5])
    assert predictions.iou_after[[0, 3, 4]].tolist() == pytest.approx([1, 0.7, 0.8])


# A face half as wide as high in a crop of the square around it, for a network that is shown the crop, or twice as much.
@pytest.mark.parametrize(
    ("context", "offsets"), [(1.0, [0.25, 0, -0.25, 0]), (2.0, [0.375, 0.25, -0.375, -0.25])], ids=["crop", "margin"]
)
def test_boxes_are_compared_with_the_face_alone_before_regression_too(
    context: float, offsets: list[float], tmp_path: Path
) -> None:
    origin = [Origin.JITTER, Origin.RANDOM]
    narrow = store_of(tmp_path, [0, 1], iou=[1, 0], offsets=[offsets, [0, 0, 0, 0]], origin=origin)
    net = Oracle()
    net.context = context
    assert predict(net, narrow, batch_size=2).located().iou_before.tolist() == pytest.approx([0.5])


def test_figures_by_hand(predictions: Predictions) -> None:
    """Of two faces one is over a half, as are both negatives; the faces come first and fourth by score."""
    scores = PatchScores.of(predictions)
    assert (scores.positive, scores.part, scores.negative) == (2, 1, 2)
    assert scores.accuracy == pytest.approx(1 / 4)
    assert scores.precision == pytest.approx(1 / 3)
    assert scores.recall == pytest.approx(1 / 2)
    assert scores.ap == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert scores.auroc == pytest.approx(1 / 2)
    assert scores.box_iou_before == pytest.approx((0.8 + 0.7 + 0.5) / 3)
    assert scores.box_iou_after == pytest.approx((1 + 0.7 + 0.8) / 3)


def test_figures_by_origin(predictions: Predictions) -> None:
    """The only random crop has no label; without negatives there is no AP."""
    origins = scores_by_origin(predictions)
    assert list(origins) == ["jitter", "cascade"]
    jitter, cascade = origins.values()
    assert (jitter.positive, jitter.accuracy, jitter.box_iou_after) == (1, 1, 1)
    assert np.isnan([jitter.ap, jitter.auroc, jitter.precision, jitter.recall]).all()
    assert (cascade.positive, cascade.part, cascade.negative, cascade.accuracy, cascade.auroc) == (1, 1, 2, 0, 0)
    assert cascade.ap == pytest.approx(1 / 3)
    assert cascade.box_iou_before == pytest.approx(0.6)
    assert cascade.box_iou_after == pytest.approx(0.75)


def test_box_iou_by_label(predictions: Predictions) -> None:
    boxes = box_iou_by_label(predictions)
    assert {name: (before.tolist(), after.tolist()) for name, (before, after) in boxes.items()} == {
        "positive": (pytest.approx([0.8, 0.7]), pytest.approx([1, 0.7])),
        "part": (pytest.approx([0.5]), pytest.approx([0.8])),
    }
    assert figures(predictions)["by_label"]["positive"] == pytest.approx(
        {"box_iou_before": 0.75, "box_iou_after": 0.85}
    )


@pytest.mark.parametrize(("chosen", "missing"), [([1, 2, 4], "positive"), ([0, 3, 4, 5], "negative")])
def test_faces_and_background_are_needed(tmp_path: Path, chosen: list[int], missing: str) -> None:
    with pytest.raises(PatchError, match=rf"^no {missing} patches in .*store: a network is measured on faces and back"):
        predict(Oracle(), dataset(tmp_path, chosen), batch_size=10)


def test_the_worst_of_each_image_come_first(predictions: Predictions, patches: PatchDataset) -> None:
    store = patches.store
    assert [len(pixels) for pixels in worst_patches(predictions, store).values()] == [1, 1]  # all are of one image
    each_its_own = store.patches._replace(image=np.arange(len(store), dtype=np.int32))
    worst = worst_patches(predictions, replace(store, patches=each_its_own))
    assert {title: pixels[:, 0, 0, 0].tolist() for title, pixels in worst.items()} == {
        "negatives with the highest scores, 0.800 to 0.600": [1, 2],
        "positives with the lowest scores, 0.300 to 0.900": [3, 0],
    }


def test_summary_by_hand(predictions: Predictions) -> None:
    assert patch_summary(predictions).splitlines() == [
        "patches                     2 positive, 1 part, 2 negative",
        "accuracy at a score of .5   0.250",
        "precision at a score of .5  0.333",
        "recall at a score of .5     0.500",
        "average precision           0.750",
        "area under the ROC          0.500",
        "box IoU before regression   0.667",
        "box IoU after regression    0.833",
        "",
        "origin   positive  part  negative  accuracy     AP  IoU before  after",
        "jitter          1     0         0     1.000      –       0.800  1.000",
        "cascade         1     1         2     0.000  0.333       0.600  0.750",
    ]


def test_files(predictions: Predictions, patches: PatchDataset, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    drawn = [np.zeros((40, 60, 3), np.uint8)]
    write_patch_evaluation(predictions, patches.store, drawn, "P-Net on <mine>", {"net": "pnet"}, folder)
    written = {path.name for path in folder.iterdir()}
    assert written == {"metrics.json", "report.html", "pr_roc.png", "box_iou.png", "patches.png", "detections.png"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["counts"] == {"positive": 2, "part": 1, "negative": 2}
    assert (metrics["net"], metrics["ap"]) == ("pnet", pytest.approx(0.75))
    assert metrics["by_origin"]["jitter"]["ap"] is None
    report = (folder / "report.html").read_text()
    assert report.count('src="data:image/png;base64,') == 4
    assert "P-Net on &lt;mine&gt;" in report


@needs_full_device
def test_on_a_full_disk_the_figures_are_kept(predictions: Predictions, patches: PatchDataset, tmp_path: Path) -> None:
    (tmp_path / "pr_roc.png").symlink_to("/dev/full")
    message = f"^{tmp_path}: No space left on device; make room, then the same command again$"
    with pytest.raises(UserError, match=message):
        write_patch_evaluation(predictions, patches.store, [], "P-Net", {}, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["ap"] == pytest.approx(0.75)


def test_without_images_there_is_no_sheet_of_detections(
    predictions: Predictions, patches: PatchDataset, tmp_path: Path
) -> None:
    write_patch_evaluation(predictions, patches.store, [], "P-Net", {}, tmp_path / "out")
    assert not (tmp_path / "out" / "detections.png").exists()
