"""What was measured, as it is printed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtcnn_lit.benchmark.detection import Comparison, Measurement
from mtcnn_lit.benchmark.tables import Bar, bars_table, comparison_table, speed_table, steps_table
from mtcnn_lit.benchmark.timing import Quartiles

SINGLE = Measurement(
    pictures="pictures",
    threads=2,
    batch_size=1,
    images=24,
    megapixels=0.7,
    ms=70,
    ms_per_megapixel=100,
    faces=12.5,
    peak_memory=150_000_000,
    macs=2.1e9,
    matrix_rate=60e9,
    step_ms={"pnet": 40, "pnet_nms": 2, "rnet": 20, "onet": 17.5, "nms": 0.5},
    candidates={"pnet": 1000, "pnet_nms": 500, "rnet": 40, "onet": 20, "nms": 12.5},
)


def test_the_arithmetic_is_set_against_the_rate_of_matrices() -> None:
    """2.1 GMAC in 70 ms are 30 a second, half of 60."""
    assert SINGLE.of_matrix_rate == pytest.approx(0.5)


def test_speed_by_hand() -> None:
    text = speed_table([SINGLE, replace(SINGLE, batch_size=16, peak_memory=None)])
    assert text.splitlines() == [
        "pictures  threads  batch  images    MP  ms/image  ms/MP  faces  peak MB   GMAC  of matmul",
        "pictures        2      1      24  0.70      70.0  100.0   12.5      150  2.100        50%",
        "pictures        2     16      24  0.70      70.0  100.0   12.5        –  2.100        50%",
    ]


def test_steps_by_hand() -> None:
    text = steps_table([SINGLE, replace(SINGLE, batch_size=16)])
    assert text.splitlines() == [
        "pictures  threads         P-Net  P-Net's NMS         R-Net         O-Net     last NMS",
        "pictures        2  50%   1000.0  2%    500.0  25%     40.0  22%     20.0  1%     12.5",
    ]


def test_comparison_by_hand() -> None:
    compared = Comparison("crowd", 1, 3, 50, 200, 400, 410, [4, 3.5, 4.5], Quartiles.of([4, 3.5, 4.5]))
    assert comparison_table([compared]).splitlines() == [
        "pictures  threads  images  ms/image  peer's  faces  peer's  times as fast     quartiles",
        "crowd           1       3      50.0   200.0  400.0   410.0           4.00  3.75 to 4.25",
    ]


def test_bars_by_hand() -> None:
    text = bars_table([Bar("rnet epoch", 11, 10, 1.1, 1.1), Bar("pnet mining", 32, 20, 1.6, 1.5)])
    assert text.splitlines() == [
        "             seconds  plain  ratio  bar",
        "rnet epoch     11.00  10.00   1.10  1.1  within",
        "pnet mining    32.00  20.00   1.60  1.5   above",
    ]
