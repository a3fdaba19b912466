"""Average precision against a slow reference, in any order, and merged."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcnn_lit.metrics import AveragePrecision
from tests.metrics.examples import Box, Example, detections, measure, tensor


def slow_average_precision(examples: list[Example], iou_threshold: float) -> float:
    """The same by the definitions, in plain Python: for each recall reached, the best precision at it or beyond."""

    def overlap(a: Box, b: Box) -> tuple[float, float]:
        shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
        size_a, size_b = ((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b))
        return shared / (size_a + size_b - shared), shared / size_a

    verdicts: list[tuple[float, bool]] = []
    for found, faces, ignored in examples:
        free = list(range(len(faces)))
        for box, score in sorted(found, key=lambda pair: -pair[1]):
            best = max(free, key=lambda face: (overlap(box, faces[face])[0], -face), default=None)
            if best is not None and overlap(box, faces[best])[0] >= iou_threshold:
                free.remove(best)
                verdicts.append((score, True))
            elif all(max(overlap(box, region)) < iou_threshold for region in ignored):
                verdicts.append((score, False))
    total = sum(len(faces) for _, faces, _ in examples)
    curve = [(0, 0.0)]
    for threshold in sorted({score for score, _ in verdicts}, reverse=True):
        hits = [hit for score, hit in verdicts if score >= threshold]
        curve.append((sum(hits), sum(hits) / len(hits)))
    return sum(
        (found - before) / total * max(precision for recall, precision in curve if recall >= found)
        for (before, _), (found, _) in itertools.pairwise(curve)
    )


# A coarse raster, so that faces are hit, shared and missed, and scores and overlaps tie. No ratio of these areas comes
# near to .55: with it as the threshold, rounding decides nothing.
corner, side = st.integers(0, 6).map(lambda n: n * 4.0), st.sampled_from([8.0, 12.0, 16.0])
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
score = st.integers(1, 8).map(lambda n: n / 8)
example = st.tuples(st.lists(st.tuples(box, score), max_size=8), st.lists(box, max_size=4), st.lists(box, max_size=2))
examples_with_a_face = st.lists(example, min_size=1, max_size=4).filter(lambda all_: any(faces for _, faces, _ in all_))


@settings(max_examples=300)
@given(examples_with_a_face)
def test_it_equals_a_slow_reference(examples: list[Example]) -> None:
    assert measure(examples, 0.55) == pytest.approx(slow_average_precision(examples, 0.55), abs=1e-5)


@given(examples_with_a_face, st.randoms(use_true_random=False))
def test_the_order_of_images_does_not_matter(examples: list[Example], dice: random.Random) -> None:
    shuffled = dice.sample(examples, len(examples))
    assert measure(shuffled) == pytest.approx(measure(examples), abs=1e-6)


@given(examples_with_a_face, examples_with_a_face)
def test_two_metrics_merged_equal_one(first: list[Example], second: list[Example]) -> None:
    one, other = AveragePrecision(), AveragePrecision()
    for metric, examples in ((one, first), (other, second)):
        for found, faces, ignored in examples:
            metric.update([detections(found)], [tensor(faces)], [tensor(ignored)])
    one.merge_state(other)
    assert one.compute().item() == pytest.approx(measure([*first, *second]), abs=1e-6)
