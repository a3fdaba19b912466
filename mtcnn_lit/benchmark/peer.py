"""Another detector to compare with, in its own Python environment."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtcnn_lit.benchmark.process import Run
from mtcnn_lit.errors import UserError


class _Refused(Exception):  # noqa: N818 - the other process's error, not ours
    """The error message of the other process."""


class PeerError(UserError):
    """The other detector can't be run; the message names the setting and the remedy."""


class Peer:
    """A detector in a script run by another Python; `facenet_worker.py` describes the protocol.

    Args:
        python: an interpreter with the detector installed.
        worker: the script, or the name of one in this folder.
        package: the package to install for it.
        threads: for the detector.
        device: as in `mtcnn_lit.MTCNN`.
        min_face_size, scale_factor, thresholds: as in `mtcnn_lit.cascade.Cascade`.

    Raises:
        PeerError: when there is no such interpreter, or the script can't run in it.
    """

    def __init__(
        self,
        python: str,
        worker: str,
        package: str,
        threads: int,
        device: str,
        min_face_size: float,
        scale_factor: float,
        thresholds: Sequence[float],
    ) -> None:
        self._package = package
        script = Path(worker) if Path(worker).is_file() else Path(__file__).parent / worker
        if not script.is_file():
            raise PeerError(f"peer.worker: no script at {worker}")
        # Without our setting for waiting threads (see mtcnn_lit.experiment.commands).
        environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        try:
            self._process = subprocess.Popen(
                [python, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env={**environment, "OMP_NUM_THREADS": str(threads)},
            )
        except (OSError, ValueError) as error:  # the latter where the path has a null byte
            self._errors.close()
            reason = f"can't start {python!r} ({getattr(error, 'strerror', None) or error})"
            raise PeerError(f"peer.python: {reason}: name the Python of an environment with {package}") from error
        settings = {"min_face_size": min_face_size, "scale_factor": scale_factor, "thresholds": list(thresholds)}
        try:
            self._ask({"threads": threads, "device": device, **settings})
        except _Refused as refused:
            self.close()
            reason = f"{python} can't run {package} ({refused})"
            raise PeerError(f"peer.python: {reason}; is it installed there?") from refused

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def detect(self, picture: Path) -> Run:
        """Detect in one picture, a file written by `numpy.save`."""
        try:
            answer = self._ask({"picture": str(picture)})
            return Run(float(answer["seconds"]), int(answer["faces"]))
        except _Refused as refused:
            raise PeerError(f"peer: {self._package} can't detect in a picture ({refused}); leave peer out") from refused
        except (KeyError, TypeError, ValueError) as error:
            raise PeerError(f"peer.worker: must answer with seconds and faces, not {answer}") from error

    def close(self) -> None:
        """End the other process."""
        self._process.communicate()
        self._errors.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
            answer = json.loads(line)
        except (OSError, json.JSONDecodeError) as error:
            words = self._last_words()  # also ends the process
            raise _Refused(f"it answered {line.strip()!r}" if line.strip() else words) from error
        if not isinstance(answer, dict):
            raise _Refused(f"it answered {line.strip()!r}")
        if "error" in answer:
            raise _Refused(answer["error"])
        return answer

    def _last_words(self) -> str:
        """End the other process; the last line of its error output."""
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
