"""Memory above an idle process."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mtcnn_lit.benchmark.memory import idle_memory, peak_above

MEGA = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_peak_counts_what_was_freed_again_until_it_is_forgotten() -> None:
    idle = idle_memory()
    np.ones(100 * MEGA, dtype=np.uint8).sum()
    assert 95 * MEGA < (peak_above(idle) or 0) < 130 * MEGA
    idle = idle_memory()
    assert (peak_above(idle) or 0) < 20 * MEGA


def test_where_nothing_is_known_nothing_is_told() -> None:
    assert peak_above(None) is None
