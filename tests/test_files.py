from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtcnn_lit.files import write_atomically
from tests.full_disk import needs_full_device


def fail(*_: object) -> None:
    raise KeyboardInterrupt


def test_text_and_bytes(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", os.fsdecode(b"\xc3\xbc \xe9\n"))
    write_atomically(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == b"\xc3\xbc \\udce9\n"
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "text"]


def test_stopped_half_way_the_file_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("before")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", "after")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "before")]


def test_a_file_keeps_its_permissions_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    for name in ("old", "usual"):
        (tmp_path / name).touch()
    (tmp_path / "old").chmod(0o640)
    for name in ("old", "new"):
        write_atomically(tmp_path / name, "")
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["old"] & 0o777 == 0o640
    assert modes["new"] == modes["usual"]


def test_two_at_once_and_a_file_of_such_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file.unfinished").write_text("another's")
    replace = Path.replace

    def overtaken(unfinished: Path, target: Path) -> Path:
        monkeypatch.undo()
        write_atomically(tmp_path / "file", "a longer first one")
        return replace(unfinished, target)

    monkeypatch.setattr(Path, "replace", overtaken)
    write_atomically(tmp_path / "file", "second")
    files = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert files == {"file": "second", "file.unfinished": "another's"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_write_protected_file_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "file").chmod(0o440)
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "file", "after")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "before")]


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/file")
    write_atomically(tmp_path / "link", "content")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_text() == "content"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    write_atomically(Path(f"/dev/fd/{writing}"), b"content")
    assert os.read(reading, 100) == b"content"
    os.close(reading)
    os.close(writing)


def test_a_name_of_the_greatest_length(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("ü" * 127), "content")
    assert [path.name for path in tmp_path.iterdir()] == ["ü" * 127]


@needs_full_device
def test_a_full_disk_names_the_file() -> None:
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        write_atomically(Path("/dev/full"), "content")
