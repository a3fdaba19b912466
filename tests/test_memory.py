from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS_OF_A_LARGE_BLOCK = """
import resource, torch
from mtcnn_lit.memory import keep_freed_memory
{call}
def faults():
    torch.zeros(16 * 2**20).sum()  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = [faults() for _ in range(10)][-1]
print([faults() for _ in range(10)][-1] - before)
"""


def faults(call: str) -> int:
    program = FAULTS_OF_A_LARGE_BLOCK.format(call=call)
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_freed_block_is_used_again_instead_of_fetched_anew() -> None:
    anew = faults("")  # ten times the block's pages
    assert faults("keep_freed_memory()") < anew / 3  # the heap may still have grown once or twice
