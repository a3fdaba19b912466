"""Atomic writes, and file names that fit the limit of file systems."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

_LONGEST = 255  # bytes that file systems take for a name


def write_atomically(path: Path, content: str | bytes | memoryview) -> None:
    """Write atomically: to a temporary file beside the target, then rename. Permissions are kept and links followed.

    So a full disk or a kill leaves the old file whole, and concurrent writers each write a whole file. Devices and
    pipes are written directly.

    Text becomes UTF-8. Bytes of file names that are not UTF-8 become escapes, which JSON readers decode.

    Raises:
        OSError: with the path, when the file can't be written.
    """
    if isinstance(content, str):
        content = content.encode(errors="backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # ENOSPC comes without a file name


def _replace(target: Path, content: bytes | memoryview) -> None:
    ending = f".{secrets.token_hex(4)}.unfinished"  # unique among files and processes
    unfinished = target.with_name(shorten_file_name(f"{target.name}{ending}", ending))
    try:
        unfinished.write_bytes(content)
        if target.exists():
            target.open("ab").close()  # fails if it is write-protected: then it is not replaced
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def shorten_file_name(name: str, ending: str) -> str:
    """The name; if longer than 255 bytes: its start, `~<hash>` and the ending."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST:
        return name
    ending = f"~{hashlib.sha256(encoded).hexdigest()[:12]}{ending}"
    return encoded[: _LONGEST - len(ending)].decode(errors="ignore") + ending
