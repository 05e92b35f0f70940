"""Rows that stay on disk are those of the array, however they are indexed, and a run on them is the same run."""

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.config.resolve import load_config
from nn_scratch.data import array_files, card, mapped_rows
from nn_scratch.data.array_files import open_npy, read_npy
from nn_scratch.data.mapped_rows import InputRows, on_disk, with_zeros
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import build_data
from nn_scratch.experiments.train import train
from nn_scratch.seeding import spawn_generators


@pytest.fixture
def values():
    """(500, 4): three features and two classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    return np.column_stack([X, X[:, 0] + X[:, 1] > 0])


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(mapped_rows, "WINDOW", 1000)  # 32 rows of four float64


@pytest.fixture
def memory_is_short(monkeypatch):
    monkeypatch.setattr(array_files, "free_memory", lambda: 1000)


@pytest.mark.parametrize("dtype", ["<f8", "<f4", ">f8", "<i4", "u1", "?", "<f2"])
def test_rows_on_disk_are_indexed_like_the_array(values, dtype, small_windows):
    np.save("t.npy", (10 * values).astype(dtype))
    (array, _), (rows, _) = (open_npy(Path("t.npy"), in_memory=in_memory) for in_memory in (True, False))
    assert on_disk(rows)
    assert (rows.shape, len(rows), rows.dtype, rows.size) == (array.shape, len(array), array.dtype, array.size)
    numbers = np.random.default_rng(1).integers(0, 500, 300)
    for key in (
        slice(3, 70),
        slice(None, None, 7),
        numbers,
        (numbers, slice(0, 2)),
        (slice(10, 20), [2, 0]),
        (slice(None), 1),
        (numbers, -1),
        np.array([-1, 0]),
    ):
        np.testing.assert_array_equal(rows[key], array[key])
    mask = array[:, 0] > 0
    view = rows[mask][:, :-1]
    assert on_disk(view)
    np.testing.assert_array_equal(view[0 : len(view)], array[mask][:, :-1])


def test_rows_on_disk_are_not_turned_into_one_array(values):
    np.save("t.npy", values)
    rows, _ = open_npy(Path("t.npy"), in_memory=False)
    with pytest.raises(TypeError, match="a block at a time"):
        np.asarray(rows)
    with pytest.raises(TypeError):
        iter(rows)


def test_a_file_that_becomes_shorter_is_refused(values):
    np.save("t.npy", values)
    rows, _ = open_npy(Path("t.npy"), in_memory=False)
    with Path("t.npy").open("r+b") as file:
        file.truncate(4000)
    with pytest.raises(UserError, match=r"t\.npy: the file has become shorter while it was read; leave it as it is"):
        rows[np.array([1])]


def test_fortran_order_cannot_stay_on_disk(values, memory_is_short):
    np.save("t.npy", np.asfortranarray(values))
    with pytest.raises(UserError) as error:
        read_npy(Path("t.npy"), task="auto", missing="auto")
    assert error.value.problems == (
        "t.npy: 1.61e-05 GB in Fortran order do not fit into memory, and only rows in C order can stay on disk; save "
        "np.ascontiguousarray of it",
    )


@pytest.mark.parametrize("missing", ["auto", "drop", "error"])
def test_data_on_disk_are_those_in_memory(values, missing, small_windows, monkeypatch):
    if missing != "error":
        values[3, 1], values[40, 2], values[77, 0], values[100, 3] = np.nan, np.inf, np.nan, np.nan
    np.save("t.npy", values)
    config = load_config(None, ["data.source=./t.npy", f"data.missing={missing}"])
    in_memory = build_data(config, spawn_generators(1))
    monkeypatch.setattr(array_files, "free_memory", lambda: 1000)
    data = build_data(config, spawn_generators(1))
    assert on_disk(data.train.inputs)
    for part in ("train", "val", "test"):
        here, there = getattr(data, part), getattr(in_memory, part)
        np.testing.assert_array_equal(here.inputs[0 : len(here)], there.inputs)
        np.testing.assert_array_equal(here.y, there.y)
        np.testing.assert_array_equal(here.rows, there.rows)
    assert {k: v for k, v in data.card.items() if k != "notices"} == {
        k: v for k, v in in_memory.card.items() if k != "notices"
    }
    told = [notice for notice in data.notices if notice not in in_memory.notices]
    assert told == [
        "t.npy: 1.2e-05 GB of features stay on disk, since memory would not hold them and what is made of them: they "
        "are read as they are needed"
        if missing != "drop"
        else "t.npy: 1.19e-05 GB of features stay on disk, since memory would not hold them and what is made of them: "
        "they are read as they are needed",
        "t.npy: baselines and the diagnosis use samples of some thousand rows, as they always do",
    ]


def test_a_run_on_rows_on_disk_is_the_run_in_memory(values, small_windows, monkeypatch):
    np.save("t.npy", values)
    config = load_config(None, ["data.source=./t.npy", "train.epochs=2", "layers=[{type: dense, units: 4}]"])
    in_memory = train(config, Path("a"))
    monkeypatch.setattr(array_files, "free_memory", lambda: 1000)
    run = train(config, Path("b"))
    for name in ("model.npz", "metrics.csv", "layers.csv", "signals.json", "probe.npz", "predictions.npz"):
        assert (run.path / name).read_bytes() == (in_memory.path / name).read_bytes(), name
    found, expected = (diagnose(one).to_json() for one in (run, in_memory))
    assert {**found, "retraining": None} == {**expected, "retraining": None}


def test_features_are_zeroed_in_a_view(values):
    np.save("t.npy", values)
    config = load_config(None, ["data.source=./t.npy"])
    data = build_data(config, spawn_generators(1))
    rows, _ = open_npy(Path("t.npy"), in_memory=False)
    inputs = InputRows(rows[:, :-1], data.train.rows, data.preprocessing, np.float32)
    changed = with_zeros(inputs, [1])
    expected = with_zeros(data.train.inputs, [1])
    np.testing.assert_array_equal(changed[0 : len(changed)], expected)
    assert not expected[:, 1].any()
    assert data.train.inputs[:, 1].any()
    assert inputs[0:1, 1].any()


def test_duplicates_of_many_rows_are_estimated_from_a_share_of_them(values, memory_is_short, monkeypatch):
    monkeypatch.setattr(card, "MOST_HASHES", 300)
    np.save("t.npy", np.concatenate([values, values]))
    data = build_data(load_config(None, ["data.source=./t.npy"]), spawn_generators(1))
    assert any("duplicate rows are estimated from 1 row in 4; " in notice for notice in data.notices)
    found = data.card["duplicates"]
    assert all(count % 4 == 0 for count in found.values())
    assert 150 < found["within_train"] < 340  # 245 expected
    assert found["conflicting"] == 0
