"""Files that grow, and files that appear whole."""

from __future__ import annotations

import errno
import io
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.errors import EnvironmentFailure
from nn_scratch.runs import files
from nn_scratch.runs.files import (
    CsvLog,
    NpyLog,
    commit_logs,
    read_npz,
    write_bytes,
    write_json,
    write_npz,
    write_text,
    write_whole,
)


def test_a_log_of_an_array_is_a_plain_npy_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "W.npy"
    log = NpyLog(path, (2, 3), np.float32, rows=0)
    assert np.load(path).shape == (0, 2, 3)
    rows = np.arange(30, dtype=np.float32).reshape(5, 2, 3)
    log.append(rows[:2])
    assert np.load(path).shape == (0, 2, 3)  # written, and not yet said to be there
    commit_logs([log])
    np.testing.assert_array_equal(np.load(path), rows[:2])
    log.append(rows[2:])
    commit_logs([log])
    log.close()
    np.testing.assert_array_equal(np.load(path), rows)
    assert path.read_bytes().startswith(b"\x93NUMPY\x01\x00")


def test_a_log_that_is_taken_up_again_drops_what_was_not_committed(tmp_path: Path) -> None:
    path = tmp_path / "b.npy"
    log = NpyLog(path, (2,), np.float32, rows=0)
    log.append(np.ones((3, 2)))
    log.close()
    again = NpyLog(path, (2,), np.float32, rows=1)
    again.append(np.zeros((1, 2)))
    commit_logs([again])
    again.close()
    assert np.load(path).tolist() == [[1, 1], [0, 0]]


def test_a_log_shorter_than_what_was_committed_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "b.npy"
    NpyLog(path, (2,), np.float32, rows=0).close()
    with pytest.raises(EnvironmentFailure) as error:
        NpyLog(path, (2,), np.float32, rows=1 << 50)
    assert str(error.value) == f"{path}: the file is shorter than the 9,007,199,254,741,248 bytes that were committed"
    assert path.stat().st_size == files.HEADER_BYTES


def test_a_table_grows_by_rows(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    table = CsvLog(path, ("epoch", "loss"), rows=0, size=0)
    table.lines += ["1,0.5", "2,0.25"]
    assert path.read_text() == "epoch,loss\n"
    table.flush()
    size = table.size
    table.lines.append("3,0.125")
    table.flush()
    table.close()
    again = CsvLog(path, ("epoch", "loss"), rows=2, size=size)
    again.close()
    assert path.read_text() == "epoch,loss\n1,0.5\n2,0.25\n"


def test_short_writes_go_on_until_all_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, bytes(content)[:7]))
    log = NpyLog(tmp_path / "a.npy", (5,), np.float32, rows=0)
    log.append(np.arange(10).reshape(2, 5))
    commit_logs([log])
    log.close()
    assert np.load(tmp_path / "a.npy").tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


# --- files that appear whole


def test_a_file_that_could_not_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "plot.png"
    path.write_bytes(b"before")

    def half(file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, half)
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["plot.png"]


def test_links_in_place_of_files_are_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "run.json").symlink_to(victim)
    (tmp_path / "run.json.part").symlink_to(victim)
    write_json(tmp_path / "run.json", {"a": 1})
    assert victim.read_text() == "precious"
    assert (tmp_path / "run.json").read_text() == '{\n "a": 1\n}\n'


def test_a_log_behind_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"x" * 1000)
    (tmp_path / "W.npy").symlink_to(tmp_path / "victim")
    for rows, more in ((0, "; 256 bytes were to be written"), (1, "")):
        with pytest.raises(EnvironmentFailure) as error:
            NpyLog(tmp_path / "W.npy", (2,), np.float32, rows=rows)
        assert str(error.value) == f"{tmp_path / 'W.npy'}: a symbolic link is not followed{more}"
    assert (tmp_path / "victim").read_bytes() == b"x" * 1000


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "no space left on the disk"),
        (errno.EFBIG, "the file would be larger than the limit on file sizes"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the file system is read-only"),
        (errno.ENOENT, "no such file"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_reported_with_path_and_bytes(
    number: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "open", refuse)
    with pytest.raises(EnvironmentFailure) as error:
        write_bytes(tmp_path / "param.yaml", b"x" * 1234)
    assert str(error.value) == f"{tmp_path / 'param.yaml'}: {reason}; 1,234 bytes were to be written"


def test_json_has_null_for_what_is_not_finite_and_plain_numbers_for_numpys(tmp_path: Path) -> None:
    content = {
        "a": float("nan"),
        "b": np.float32(0.5),
        "c": (np.int64(3), np.inf),
        "d": np.array([1.0, np.nan]),
        5: "é",
    }
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text()
    assert text == (
        '{\n "a": null,\n "b": 0.5,\n "c": [\n  3,\n  null\n ],\n "d": [\n  1.0,\n  null\n ],\n "5": "é"\n}\n'
    )


# --- .npz


def test_arrays_of_every_kind_come_back(tmp_path: Path) -> None:
    arrays = {
        "X": np.random.default_rng(0).normal(size=(3, 4)),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "names": np.array(["a", "ünï"]),
        "none": np.empty((0, 5), np.float32),
        "one": np.array(7),
        "flags": np.array([True, False]),
    }
    write_npz(tmp_path / "a.npz", arrays)
    found = read_npz(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype
        assert found[name].flags.writeable
    assert np.load(tmp_path / "a.npz")["turned"].tolist() == arrays["turned"].tolist()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "compression", "told"),
    [
        (npy(np.zeros(9)), zipfile.ZIP_DEFLATED, "compressed members are not ours"),
        (npy(np.array([{}])), zipfile.ZIP_STORED, "no array of numbers or text: shape (1,), dtype object"),
        (npy(np.zeros(1, "V8")), zipfile.ZIP_STORED, "no array of numbers or text: shape (1,), dtype |V8"),
        (
            npy(np.zeros(9)).replace(b"(9,), }         ", b"(9999999999,), }"),
            zipfile.ZIP_STORED,
            "a.npy holds 72 bytes for shape (9999999999,), dtype float64",
        ),
        (npy(np.zeros(9))[:-8], zipfile.ZIP_STORED, "a.npy holds 64 bytes for shape (9,), dtype float64"),
    ],
    ids=["compressed", "objects", "void", "huge", "short"],
)
def test_archives_that_are_not_ours_are_refused(content: bytes, compression: int, told: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ValueError, match=r".") as error:
        read_npz(tmp_path / "a.npz")
    assert str(error.value) == told


def test_the_files_of_a_commit_are_synced_once_each_and_those_that_have_not_grown_are_let_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(files, "sync", lambda file: synced.append(os.fstat(file).st_ino))
    logs = [NpyLog(tmp_path / f"{number}.npy", (2,), np.float32, rows=0) for number in range(3)]
    table = CsvLog(tmp_path / "t.csv", ("a",), rows=0, size=0)
    commit_logs(logs, [table])
    assert sorted(synced) == sorted(path.stat().st_ino for path in tmp_path.iterdir())
    synced.clear()
    logs[1].append(np.ones((1, 2)))
    commit_logs(logs)
    assert synced == [logs[1].path.stat().st_ino]
    assert [len(np.load(log.path)) for log in logs] == [0, 1, 0]
    for log in (*logs, table):
        log.close()


def test_more_logs_than_may_be_open_are_all_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "OPEN_FILES", 3)
    synced: list[int] = []
    monkeypatch.setattr(files, "sync", lambda file: synced.append(os.fstat(file).st_ino))
    kept_open = files.OpenFiles(3)
    logs = [NpyLog(tmp_path / f"{k}.npy", (2,), np.float32, rows=0, files=kept_open) for k in range(10)]
    for log in logs:
        log.append(np.ones((1, 2)))
    commit_logs(logs)
    assert sorted(synced) == sorted(path.stat().st_ino for path in tmp_path.iterdir())
    assert all(np.load(log.path).tolist() == [[1, 1]] for log in logs)
    for log in logs:
        log.close()


def test_files_are_synced_where_the_system_starts_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = [NpyLog(tmp_path / f"{k}.npy", (2,), np.float32, rows=0) for k in range(3)]
    synced: list[int] = []

    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    monkeypatch.setattr(files, "sync", lambda file: synced.append(os.fstat(file).st_ino))
    commit_logs(logs)
    assert {path.stat().st_ino for path in tmp_path.iterdir()} <= set(synced)
    for log in logs:
        log.close()


def test_a_file_that_cannot_be_synced_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = (NpyLog(tmp_path / name, (2,), np.float32, rows=0) for name in ("good.npy", "bad.npy"))
    inode = bad.path.stat().st_ino

    def full(file: int) -> None:
        if os.fstat(file).st_ino == inode:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(EnvironmentFailure) as error:
        commit_logs([good, bad])
    assert str(error.value) == f"{bad.path}: no space left on the disk"
    for log in (good, bad):
        log.close()


def test_a_page_whose_names_are_not_utf8_is_written(tmp_path: Path) -> None:
    write_text(tmp_path / "page.html", "<h1>caf\udce9 é</h1>")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "<h1>caf\\udce9 é</h1>"
