from __future__ import annotations

import errno
import json
import os
import pickle
import re
import time
from collections.abc import Mapping
from io import BytesIO
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtcnn_lit.mining.store import Origin, Patches, PatchStore, PatchWriter, StoreError
from mtcnn_lit.worker_processes import worker_context
from tests.full_disk import needs_full_device

SIZE = 4


def patches(count: int, first: int = 0) -> Patches:
    """Patches of which no two have a value in common, numbered from ``first``."""
    number = np.arange(first, first + count)
    return Patches(
        pixels=np.broadcast_to(number[:, None, None, None], (count, SIZE, SIZE, 3)).astype(np.uint8),
        iou=(number / 100).astype(np.float32),
        offsets=(number[:, None] + [0, 0.25, 0.5, 0.75]).astype(np.float32),
        image=(number + 100_000).astype(np.int32),
        origin=np.full(count, Origin.JITTER, np.uint8),
    )


def assert_same(found: Patches, expected: Patches) -> None:
    for name in Patches._fields:
        column, values = getattr(found, name), getattr(expected, name)
        assert column.dtype == values.dtype
        assert np.array_equal(column, values)


def mine_two(writer: PatchWriter) -> Mapping[str, Any]:
    writer.append(patches(2))
    return {}


def open_or_mine_two(folder: Path) -> PatchStore:
    return PatchStore.open_or_mine(folder, {}, SIZE, mine_two)


def never(writer: PatchWriter) -> Mapping[str, Any]:
    raise AssertionError("mined again")


def test_what_was_appended_comes_back(tmp_path: Path) -> None:
    def mine(writer: PatchWriter) -> Mapping[str, Any]:
        writer.append(patches(3))
        writer.append(patches(0))
        writer.append(patches(2, first=3))
        return {"images": 2}

    mined = PatchStore.open_or_mine(tmp_path / "below" / "set", {"source": "abc"}, SIZE, mine)
    opened = PatchStore.open(tmp_path / "below" / "set")
    for store in (mined, opened):
        assert len(store) == 5
        assert_same(store.patches, patches(5))
        assert store.manifest == {"format": 1, "source": "abc", "images": 2, "size": 4, "patches": 5}
    with pytest.raises(ValueError, match="read-only"):
        opened.patches.pixels[0] = 1


def test_pixels_of_any_memory_order_come_back(tmp_path: Path) -> None:
    turned = patches(2)._replace(pixels=np.arange(2 * SIZE * SIZE * 3, dtype=np.uint8).reshape(2, SIZE, SIZE, 3))
    turned = turned._replace(pixels=turned.pixels.transpose(0, 2, 1, 3))

    def mine(writer: PatchWriter) -> Mapping[str, Any]:
        writer.append(turned)
        return {}

    assert_same(PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, mine).patches, turned)


def test_a_set_that_is_there_is_not_mined_again(tmp_path: Path) -> None:
    open_or_mine_two(tmp_path / "set")
    assert_same(PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, never).patches, patches(2))


def test_a_set_that_is_there_needs_no_lock(tmp_path: Path) -> None:
    """It may lie on a disk that can only be read."""
    open_or_mine_two(tmp_path / "set")
    (tmp_path / "set.lock").unlink()
    (tmp_path / "set.lock").mkdir()  # which can't be taken
    assert_same(PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, never).patches, patches(2))


def test_a_place_that_can_not_be_written_to_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = f"{tmp_path}/file: File exists; name a folder for patches that can be written by paths.patch_dir=FOLDER"
    with pytest.raises(StoreError, match=f"^{re.escape(message)}$"):
        open_or_mine_two(tmp_path / "file" / "set")


@pytest.mark.parametrize("name", ["manifest.json", "pixels.bin", "iou.bin", "origin.bin"])
@pytest.mark.parametrize("left", [None, 0, 1])  # bytes
def test_a_set_that_is_not_whole_any_more_is_named_with_the_remedy(tmp_path: Path, name: str, left: int | None) -> None:
    folder = open_or_mine_two(tmp_path / "set").folder
    if left is None:
        (folder / name).unlink()
    else:
        os.truncate(folder / name, left)
    with pytest.raises(StoreError, match=f"^{re.escape(str(folder))}: not whole; remove it, and it is mined anew$"):
        PatchStore.open_or_mine(folder, {}, SIZE, never)


def test_a_set_that_may_not_be_read_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_or_mine_two(tmp_path / "set").folder

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(np, "memmap", refuse)  # root may read every file
    told = f"^{re.escape(str(folder))}: can't be read; permit it, or mine elsewhere by paths.patch_dir=FOLDER$"
    with pytest.raises(StoreError, match=told):
        PatchStore.open_or_mine(folder, {}, SIZE, never)


@pytest.mark.parametrize("manifest", ["{}", "[]", '{"patches": "two", "size": 4}'])
def test_a_set_of_which_too_little_is_known_is_not_whole(tmp_path: Path, manifest: str) -> None:
    folder = open_or_mine_two(tmp_path / "set").folder
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(StoreError, match=r"set: not whole; remove it, and it is mined anew$"):
        PatchStore.open(folder)


def test_no_patches(tmp_path: Path) -> None:
    PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, lambda writer: writer.append(patches(0)) or {})
    store = PatchStore.open(tmp_path / "set")
    assert (len(store), store.patches.pixels.shape, store.patches.offsets.shape) == (0, (0, SIZE, SIZE, 3), (0, 4))
    assert_same(store.patches, patches(0))


def mine_four(writer: PatchWriter) -> Mapping[str, Any]:
    """A patch of each of the images 100,000 to 100,003, from the one on that the writer asks for."""
    first = max(0, writer.next_image - 100_000)
    writer.append(patches(4 - first, first))
    return {"mined": 4 - first}


def test_after_a_miner_that_failed_the_next_goes_on_with_its_last_image(tmp_path: Path) -> None:
    def fail(writer: PatchWriter) -> Mapping[str, Any]:
        writer.append(patches(3))
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, fail)
    assert not (tmp_path / "set").exists()
    store = PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, mine_four)
    assert_same(store.patches, patches(4))
    assert (store.manifest["mined"], store.manifest["patches"]) == (2, 4)


def mine_without_end(folder: Path, started: Path) -> None:
    def mine(writer: PatchWriter) -> Mapping[str, Any]:
        for number in range(3):
            writer.append(patches(1, number))
        started.touch()
        time.sleep(60)
        return {}

    PatchStore.open_or_mine(folder, {}, SIZE, mine)


def test_after_a_process_that_was_killed_the_next_goes_on(tmp_path: Path) -> None:
    folder, started = tmp_path / "set", tmp_path / "started"
    process = worker_context().Process(target=mine_without_end, args=(folder, started))  # type: ignore[attr-defined]
    process.start()
    while not started.exists():
        assert process.is_alive()
        time.sleep(0.01)
    process.kill()
    process.join()
    assert not folder.exists()
    assert_same(PatchStore.open_or_mine(folder, {}, SIZE, mine_four).patches, patches(4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "set.lock", "started"]


@needs_full_device
def test_a_full_disk_ends_in_a_line_and_the_next_goes_on(tmp_path: Path) -> None:
    def mine(writer: PatchWriter) -> Mapping[str, Any]:
        writer.append(patches(3))
        writer._files["origin"].close()
        with Path("/dev/full").open("ab", buffering=0) as writer._files["origin"]:
            writer.append(patches(1, first=3))
        return {}

    message = f"{tmp_path}/set.unfinished: No space left on device; make room, then the same command goes on"
    with pytest.raises(StoreError, match=f"^{re.escape(message)}$"):
        PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, mine)
    assert_same(PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, mine_four).patches, patches(4))


def test_a_disk_that_fails_otherwise_is_not_told_to_be_full(tmp_path: Path) -> None:
    class Failing(BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

    message = f"{tmp_path}: Input/output error; once that is mended, the same command goes on"
    with PatchWriter(tmp_path, SIZE) as writer:
        writer._files["iou"].close()
        writer._files["iou"] = Failing()
        with pytest.raises(StoreError, match=f"^{re.escape(message)}$"):
            writer.append(patches(1))


@given(quarters=st.lists(st.integers(0, 16), min_size=5, max_size=5))
def test_columns_cut_off_anywhere_go_on_from_the_last_image_that_all_have(quarters: list[int]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "set"
        with PatchWriter(folder, SIZE) as writer:
            writer.append(patches(3))
            writer.append(patches(1, first=3)._replace(image=np.array([100_002], np.int32)))  # its second patch
        for column, left in zip(Patches._fields, quarters, strict=True):  # quarters of a row
            path = folder / f"{column}.bin"
            os.truncate(path, path.stat().st_size * left // 16)
        rows = min(quarters) // 4
        with PatchWriter(folder, SIZE) as writer:
            assert writer.next_image == [0, 100_000, 100_001, 100_002, 100_002][rows]
            assert writer.count == [0, 0, 1, 2, 2][rows]
            writer.append(patches(4 - writer.count, writer.count))
        (folder / "manifest.json").write_text(json.dumps({"patches": 4, "size": SIZE}))
        assert_same(PatchStore.open(folder).patches, patches(4))


def mine_slowly(folder: Path, calls: Path, together: Barrier) -> None:
    def mine(writer: PatchWriter) -> Mapping[str, Any]:
        with calls.open("a") as file:
            file.write("mined\n")
        time.sleep(0.3)
        return mine_two(writer)

    together.wait(30)
    assert_same(PatchStore.open_or_mine(folder, {}, SIZE, mine).patches, patches(2))


def test_of_two_processes_one_mines_and_the_other_waits(tmp_path: Path) -> None:
    context, calls = worker_context(), tmp_path / "calls"
    arguments = (tmp_path / "set", calls, context.Barrier(2))
    processes = [context.Process(target=mine_slowly, args=arguments) for _ in range(2)]  # type: ignore[attr-defined]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert calls.read_text() == "mined\n"


def test_sent_to_another_process_a_store_is_opened_there(tmp_path: Path) -> None:
    def mine(writer: PatchWriter) -> Mapping[str, Any]:
        writer.append(patches(200))
        return {"images": 1}

    store = PatchStore.open_or_mine(tmp_path / "set", {}, SIZE, mine)
    message = pickle.dumps(store)
    received = pickle.loads(message)
    assert len(message) < 1000 < store.patches.pixels.nbytes
    assert (received.folder, received.manifest) == (store.folder, store.manifest)
    assert_same(received.patches, patches(200))


@pytest.mark.parametrize(
    ("column", "shape"),
    [
        ("pixels", (3, SIZE, SIZE)),
        ("pixels", (3, SIZE + 1, SIZE, 3)),
        ("pixels", (2, SIZE, SIZE, 3)),
        ("offsets", (3, 5)),
        ("offsets", (4, 4)),
        ("image", (2,)),
        ("origin", (3, 1)),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, column: str, shape: tuple[int, ...]) -> None:
    wrong = patches(3)._replace(**{column: np.zeros(shape, getattr(patches(3), column).dtype)})
    with PatchWriter(tmp_path / "set", SIZE) as writer, pytest.raises(ValueError, match=f"column {column} must have"):
        writer.append(wrong)
