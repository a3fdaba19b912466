"""Files with names that file systems take, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

_LONGEST = 255  # bytes that file systems take for a name


def write_atomically(path: Path, content: str | bytes | memoryview) -> None:
    """Write a file beside its place and move it there: out of room or killed, what was there before stays whole.

    The file keeps its permissions; of a link the file that it leads to is replaced. A device or a pipe is written to.
    Of processes that write it at once each writes it whole.

    Text becomes UTF-8. What a file name in it holds that is none becomes an escape, which JSON readers turn back.

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
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk names no file


def _replace(target: Path, content: bytes | memoryview) -> None:
    ending = f".{secrets.token_hex(4)}.unfinished"  # a name that no file has, nor another process takes
    unfinished = target.with_name(shorten_file_name(f"{target.name}{ending}", ending))
    try:
        unfinished.write_bytes(content)
        if target.exists():
            target.open("ab").close()  # one that is write-protected is not replaced
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def shorten_file_name(name: str, ending: str) -> str:
    """A file name as it is; one that is too long as its beginning, a mark that no other name has, and the ending."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST:
        return name
    ending = f"~{hashlib.sha256(encoded).hexdigest()[:12]}{ending}"
    return encoded[: _LONGEST - len(ending)].decode(errors="ignore") + ending
