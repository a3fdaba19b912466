"""Command lines in forks of a process that has loaded the libraries already: they take seconds, dozens of times.

A process of its own for a command line is what users have; most of the tests of errors can do with a fork.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SECONDS = 120


def run_forked(script: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """``python SCRIPT ARGUMENTS`` in a folder; the script is one of the project's."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        printed = [Path(folder, name) for name in ("stdout", "stderr")]
        request = {"script": str(ROOT / script), "argv": [script, *arguments], "cwd": str(cwd)}
        server.stdin.write(json.dumps({**request, "printed": list(map(str, printed))}) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess([script, *arguments], status, *(path.read_text() for path in printed))


@functools.cache
def _server() -> subprocess.Popen[str]:
    """Ends with this process, which holds the other end of its standard input."""
    return subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve() -> None:
    for name in ("commands", "benchmark", "compare", "detect", "evaluate", "export", "fit"):
        importlib.import_module(f"mtcnn_lit.experiment.{name}")  # commands first: it settles how torch's threads wait
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(script: str, argv: list[str], cwd: str, printed: Sequence[str]) -> None:
    """What a fork does; it ends there."""
    signal.alarm(_SECONDS)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, path in enumerate(printed, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.chdir(cwd)
    sys.argv = argv
    status: int | str | None = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        status = stop.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else bool(status))


if __name__ == "__main__":
    _serve()
