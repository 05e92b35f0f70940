"""Where runs live, and who writes into one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.runs.folder import find_folder, names, new_folder, newest, run_lock


def test_numbers_go_on_from_the_highest_of_the_name(tmp_path: Path) -> None:
    for name in ("a-001", "a-007", "a-b-050", "b-003", "a-x", "a-12"):
        (tmp_path / name).mkdir()
    assert new_folder("a", tmp_path).name == "a-008"
    assert new_folder("a-b", tmp_path).name == "a-b-051"
    assert new_folder("c", tmp_path / "new").name == "c-001"
    (tmp_path / "a-999").mkdir()
    assert new_folder("a", tmp_path).name == "a-1000"


def made(outputs: Path, name: str, time: int) -> Path:
    run = outputs / name
    run.mkdir()
    (run / "run.json").write_text("{}")
    os.utime(run / "run.json", (time, time))
    return run


def test_runs_are_found_by_name_and_by_path_and_the_newest_is_the_one_written_last(tmp_path: Path) -> None:
    old, new = made(tmp_path, "b-001", 1), made(tmp_path, "a-001", 2)
    (tmp_path / "notes").mkdir()
    (tmp_path / "file").write_text("")
    assert names(tmp_path) == ["b-001", "a-001"]
    assert newest(tmp_path) == new
    assert find_folder("b-001", tmp_path) == old
    assert find_folder(str(old), Path("/nowhere")) == old


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("digist-001", "digist-001: no such run under {outputs}; did you mean 'digits-001'?"),
        ("empty", "empty: no such run under {outputs}; one of: digits-001"),
        ("a\0b", r"a\x00b: no such run under {outputs}; one of: digits-001"),
        ("x" * 300, "x" * 197 + "...: no such run under {outputs}; one of: digits-001"),
    ],
    ids=["misspelt", "another", "zero byte", "long"],
)
def test_a_run_that_is_not_there_is_reported_with_those_that_are(run: str, told: str, tmp_path: Path) -> None:
    made(tmp_path, "digits-001", 1)
    with pytest.raises(UserError) as error:
        find_folder(run, tmp_path)
    assert str(error.value) == told.format(outputs=tmp_path)


def test_a_folder_that_is_no_run_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        find_folder(tmp_path)
    assert str(error.value) == f"{tmp_path}: not a run: the folder holds no param.yaml"


def test_without_any_run_the_command_that_makes_one_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        newest(tmp_path / "none")
    assert str(error.value) == f"no run under {tmp_path / 'none'} yet: type `python script/train.py` first"


def test_a_folder_is_claimed_once_and_freed_whatever_happens(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        with pytest.raises(EnvironmentFailure) as error, run_lock(tmp_path):
            pass
        assert str(error.value).startswith(f"{tmp_path}: another process is writing this run: process {os.getpid()} on")
        assert (tmp_path / "lock").exists()
    with pytest.raises(KeyError), run_lock(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": "x", "host": 3}', b"\xff" * 100])
def test_the_lock_of_a_process_that_has_died_is_no_lock(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(content)
    with run_lock(tmp_path):
        assert (tmp_path / "lock").read_text().startswith(f'{{"pid": {os.getpid()}, "host": ')


def test_a_lock_that_is_no_plain_file_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentFailure) as error, run_lock(tmp_path):
        pass
    assert str(error.value) == f"{tmp_path / 'lock'}: a symbolic link is not followed"
    assert not (tmp_path / "elsewhere").exists()
