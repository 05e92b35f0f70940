import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.data import array_files
from tests.data.reading import loaded, problems_of

X = np.arange(12.0).reshape(6, 2)
FILL_IN = "write one, or set data.missing to auto (fill it in) or drop (leave such rows out)"
FILL_IN_TARGET = "write one, or set data.missing: drop to leave such rows out"


def saved(name="t.npz", **arrays):
    np.savez(name, **arrays)
    return name


def npy(array, name="t.npy"):
    np.save(name, array)
    return name


def header(shape, descr="<f8", version=(1, 0)):
    """The first bytes of an .npy file that announces an array."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}\n".encode()
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text


# ---- .npz ----


@pytest.mark.parametrize(
    ("y", "names", "rule"),
    [
        (np.array([10, 9, 10, -1, 9, -1]), ("-1", "9", "10"), "y holds whole numbers"),
        (np.array([1, 0, 1, 1, 0, 0], dtype=bool), ("0", "1"), "y holds whole numbers"),
        (np.array([2, 1, 2, 1, 1, 1], dtype=np.uint8), ("1", "2"), "y holds whole numbers"),
        (np.array(["b", "a", "b", "c", "c", "a "]), ("a", "b", "c"), "y is text"),
        (np.array([b"b", "\xe4".encode(), b"b", b"b", b"b", b"b"]), ("b", "\xe4"), "y is text"),
        (np.array([[1], [0], [1], [0], [1], [1]]), ("0", "1"), "y holds whole numbers"),
        (np.array([2**60 + 1, 2**60, 0, 0, 0, 0]), ("0", str(2**60), str(2**60 + 1)), "y holds whole numbers"),
    ],
    ids=["int", "bool", "uint8", "text", "bytes", "one column", "large"],
)
def test_whole_numbers_and_text_are_classes(y, names, rule):
    table = loaded(saved(X=X, y=y))
    assert table.task == "classification"
    assert table.class_names == names
    labels = [value.decode() if isinstance(value, bytes) else str(value) for value in y.reshape(-1).tolist()]
    labels = [{"True": "1", "False": "0"}.get(label, label).strip() for label in labels]
    assert [names[k] for k in table.y] == labels
    assert np.array_equal(table.X, X)
    assert table.feature_names == ("x1", "x2")
    assert (table.origin, table.target_names, table.task_rule) == ("t.npz", ("y",), rule)


def test_floats_are_quantities_and_whole_ones_are_reported():
    table = loaded(saved(X=X, y=np.array([0.5, 1, 1, 2, 2, 2])))
    assert table.task == "regression"
    assert table.y.tolist() == [[0.5], [1.0], [1.0], [2.0], [2.0], [2.0]]
    assert table.notices == ()
    table = loaded(saved(X=X, y=np.array([0.0, 1, 1, 0, 1, 1])))
    assert table.task == "regression"
    assert table.notices == (
        "t.npz: y holds floats, so they are quantities; set data.task: classification if they are classes",
    )


def test_the_task_that_is_asked_for_is_what_it_becomes():
    table = loaded(saved(X=X, y=np.array([0.0, 1, 1, 0, 1, 1])), task="classification")
    assert table.class_names == ("0", "1")
    assert table.notices == ()
    table = loaded(saved(X=X, y=np.array([0, 1, 1, 0, 1, 1])), task="regression")
    assert table.y.tolist() == [[0.0], [1.0], [1.0], [0.0], [1.0], [1.0]]
    assert problems_of(loaded, saved(X=X, y=np.array(list("abcabc"))), task="regression") == [
        "t.npz: y is text; data.task: regression needs numbers"
    ]


def test_a_column_of_y_is_an_output():
    table = loaded(saved(X=X, y=X * 0.5))
    assert table.target_names == ("y1", "y2")
    assert np.array_equal(table.y, X * 0.5)


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("u1", "u1"), ("?", "u1"), ("f4", "f4"), ("f8", "f8"), ("f2", "f4"), ("i4", "f8"), (">f8", "f8"), (">f4", "f8")],
)
def test_features_keep_their_values_in_bytes_or_floats(dtype, kept):
    values = np.array([[0, 1], [1, 1], [1, 0], [0, 0]]).astype(dtype)
    table = loaded(saved(X=values, y=np.array([0, 1, 0, 1])))
    assert table.X.dtype == np.dtype(kept)
    assert np.array_equal(table.X, values)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        (
            {"X": X},
            "t.npz: no array y in it (it holds X); save it with np.savez(path, X=X, y=y)",
        ),
        (
            {"a": X, "b": X},
            "t.npz: no array X and no array y in it (it holds a, b); save it with np.savez(path, X=X, y=y)",
        ),
        (
            {"X": X.reshape(6, 1, 2), "y": np.arange(6)},
            "t.npz: X is (6, 1, 2) float64; it has to be (rows, features) numbers "
            "(reshape(len(X), -1) makes images rows)",
        ),
        ({"X": X[:, 0], "y": np.arange(6)}, "t.npz: X is (6,) float64; it has to be (rows, features) numbers"),
        ({"X": X[:0], "y": np.arange(0)}, "t.npz: X is (0, 2) float64; it has to be (rows, features) numbers"),
        ({"X": X + 1j, "y": np.arange(6)}, "t.npz: X is (6, 2) complex128; it has to be (rows, features) numbers"),
        (
            {"X": np.array([["a", "b"]] * 6), "y": np.arange(6)},
            "t.npz: X is (6, 2) <U1; it has to be (rows, features) numbers",
        ),
        ({"X": X, "y": np.arange(5)}, "t.npz: X has 6 rows and y has 5; they have to be of one length"),
        (
            {"X": X, "y": np.array(0)},
            "t.npz: y is () int64; it has to be (rows,) numbers or text, or (rows, targets) numbers",
        ),
        (
            {"X": X, "y": np.zeros((6, 2), dtype="U3")},
            "t.npz: y is (6, 2) <U3; it has to be (rows,) numbers or text, or (rows, targets) numbers",
        ),
        (
            {"X": X, "y": np.eye(6, 3, dtype=int)},
            "t.npz: y is (6, 3) int64; classes are one number a row, as y.argmax(axis=1) gives; for labels of their "
            "own, 0 or 1 each, write data.task: multi_label",
        ),
        (
            {"X": X, "y": np.array([b"\xff"] * 6)},
            "t.npz: y holds bytes that are not UTF-8; save it as text, y.astype(str)",
        ),
        (
            {"X": X, "y": np.ones(6, dtype=int)},
            "t.npz: every row has 'y' = '1'; classification needs two classes or more",
        ),
        (
            {"X": np.zeros((60, 1)), "y": np.arange(60)},
            "t.npz: 'y' holds 60 different values in 60 rows, too many for classes; set data.task: regression if they "
            "are quantities",
        ),
        ({"X": X[:1], "y": np.arange(1)}, "t.npz: 1 row; bring more, to train on and to validate with"),
    ],
)
def test_arrays_that_are_no_table_are_refused(arrays, problem):
    assert problems_of(loaded, saved(**arrays)) == [problem]


def holed():
    values, y = X.copy(), np.array([0.5, 1.5, np.nan, 3.5, 4.5, 5.5])
    values[0, 1], values[4, 0] = np.nan, -np.inf
    return saved(X=values, y=y)


def test_missing_values_are_refused_when_asked_for():
    assert problems_of(loaded, holed(), missing="error") == [
        f"t.npz: X[0, 1] = nan is no value; {FILL_IN}",
        f"t.npz: X[4, 0] = -inf is no value; {FILL_IN}",
    ]
    assert problems_of(loaded, saved(X=X, y=np.array([0, 1, np.nan, 3, 4, 5])), missing="error") == [
        f"t.npz: y[2, 0] = nan is no value; {FILL_IN_TARGET}"
    ]
    assert problems_of(loaded, saved(X=X, y=np.array(["a", "", "b", "b", " ", "a"])), missing="error") == [
        f"t.npz: y[1] = '' is no value; {FILL_IN_TARGET}",
        f"t.npz: y[4] = '' is no value; {FILL_IN_TARGET}",
    ]


def test_missing_values_are_dropped_or_left_to_be_filled_in():
    table = loaded(holed(), missing="drop")
    assert table.X.tolist() == [[2.0, 3.0], [6.0, 7.0], [10.0, 11.0]]
    assert table.y.tolist() == [[1.5], [3.5], [5.5]]
    assert table.notices == ("t.npz: 3 of 6 rows left out for values missing (data.missing: drop)",)
    table = loaded(holed(), missing="mean")
    nan = np.nan
    assert np.array_equal(table.X, [[0, nan], [2, 3], [6, 7], [nan, 9], [10, 11]], equal_nan=True)
    table = loaded(saved(X=X, y=np.array(["a", "", "b", "b", " ", "a"])), missing="drop")
    assert [table.class_names[k] for k in table.y] == ["a", "b", "b", "a"]


def test_numbers_beyond_float32_are_refused_whatever_becomes_of_missing_ones():
    values = X.copy()
    values[3, 1] = 1e300
    for missing in ("error", "drop", "mean"):
        assert problems_of(loaded, saved(X=values, y=np.arange(6) % 2), missing=missing) == [
            "t.npz: X[3, 1] = 1e+300 is beyond the numbers of float32 (3.4e38); rescale it"
        ]


def test_of_many_bad_numbers_the_first_ten_are_reported():
    problems = problems_of(loaded, saved(X=np.full((6, 3), np.nan), y=np.arange(6)), missing="error")
    assert problems[9:] == [f"t.npz: X[3, 0] = nan is no value; {FILL_IN}", "and 8 more"]


def test_keys_for_columns_have_no_effect_and_say_so():
    assert loaded(saved(X=X, y=np.arange(6) % 2), target="y", ignore=["x1"]).notices == (
        "data.target has no effect: it names columns of a file, and those of t.npz have no names",
        "data.ignore has no effect: it names columns of a file, and those of t.npz have no names",
    )


# ---- .npy ----


def test_the_last_column_of_an_array_is_the_target():
    table = loaded(npy(np.array([[1, 2, 0.5], [3, 4, 1.5]])))
    assert table.X.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert table.y.tolist() == [[0.5], [1.5]]
    assert table.feature_names == ("x1", "x2")
    assert table.target_names == ("x3",)
    table = loaded(npy(np.array([[1.5, 2, 0], [3, 4, 1], [1, 1, 0], [3, 4, 1]])))
    assert table.class_names == ("0", "1")


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.arange(6.0), "t.npy: the array is (6,) float64; it has to be (rows, features) numbers"),
        (
            np.zeros((6, 1)),
            "t.npy: the array is (6, 1) float64; it needs features, and the target as its last column",
        ),
        (
            np.array([[1, 2, np.nan], [1, 2, 3]]),
            f"t.npy: the target[0, 0] = nan is no value; {FILL_IN_TARGET}",
        ),
        (np.array([[1, np.nan, 1], [1, 2, 3]]), f"t.npy: the array[0, 1] = nan is no value; {FILL_IN}"),
    ],
)
def test_an_array_that_is_no_table_is_refused(array, problem):
    assert problems_of(loaded, npy(array), missing="error") == [problem]


# ---- files from strangers ----


class Bomb:
    """Unpickling this creates the file `exploded`."""

    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


def test_nothing_is_unpickled():
    name = saved(X=X, y=np.array([Bomb()] * 6, dtype=object))
    assert problems_of(loaded, name) == [
        "t.npz: y holds Python objects, which only unpickling could read; save it with a dtype of numbers or text "
        "(np.asarray(values, dtype=float), labels.astype(str))"
    ]
    np.save("t.npy", np.array([[Bomb(), 1]], dtype=object))
    assert problems_of(loaded, "t.npy") == [
        "t.npy: the file holds Python objects, which only unpickling could read; save it with a dtype of numbers or "
        "text (np.asarray(values, dtype=float), labels.astype(str))"
    ]
    assert not Path("exploded").exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no NumPy array (EOF: reading magic string, expected 8 bytes got 0); save it again with NumPy"),
        (
            b"\x80\x04K\x01.   ",
            "is no NumPy array (the magic string is not correct; expected b'\\x93NUMPY', got b'\\x80\\x04K\\x01. '); "
            "save it again with NumPy",
        ),
        (
            header((10**9, 100)),
            "is to be (1000000000, 100) float64, 800,000,000,000 bytes, but 0 are there; it is broken",
        ),
        (header((2, 2)) + b"\0" * 31, "is to be (2, 2) float64, 32 bytes, but 31 are there; it is broken"),
        (header((2, 2)) + b"\0" * 33, "is to be (2, 2) float64, 32 bytes, but 33 are there; it is broken"),
        (header((-2, -2)) + b"\0" * 32, "is to be (-2, -2) float64, 32 bytes, but 32 are there; it is broken"),
        (
            header((2, 2), version=(3, 0)) + b"\0" * 32,
            "is in .npy format (3, 0), which is not known; save it again with np.save",
        ),
        (
            header("2"),
            "is no NumPy array (shape is not valid: '2'); save it again with NumPy",
        ),
        (
            header((2, 2), descr="nonsense"),
            "is no NumPy array (descr is not a valid dtype descriptor: 'nonsense'); save it again with NumPy",
        ),
    ],
    ids=["empty", "a pickle", "huge", "short", "long", "negative", "version", "shape", "dtype"],
)
def test_a_broken_array_is_refused_before_it_is_allocated(content, problem):
    Path("t.npy").write_bytes(content)
    assert problems_of(loaded, "t.npy") == [f"t.npy: the file {problem}"]
    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("X.npy", content)
        archive.writestr("y.npy", header((2,)) + b"\0" * 16)
    assert problems_of(loaded, "t.npz") == [f"t.npz: X {problem}"]


def test_a_zip_bomb_is_not_unpacked(monkeypatch):
    np.savez_compressed("t.npz", X=np.zeros((100_000, 30)), y=np.zeros(100_000))
    with zipfile.ZipFile("t.npz") as archive:
        packed = archive.getinfo("X.npy").compress_size
    monkeypatch.setattr(array_files, "is_bomb", lambda packed, unpacked: unpacked > 200 * packed)
    monkeypatch.setattr(np.lib.format, "read_array", None)
    assert problems_of(loaded, "t.npz") == [
        f"t.npz: X is {packed:,} bytes that unpack to 24,000,128; if that is right, save it with np.savez, unpacked"
    ]


@pytest.mark.parametrize("kept", [0, 10, 200, 400])
def test_a_truncated_archive_is_refused(kept):
    content = Path(saved(X=X, y=np.arange(6))).read_bytes()
    Path("t.npz").write_bytes(content[:kept])
    assert problems_of(loaded, "t.npz") == [
        "t.npz: no whole .npz file (File is not a zip file); save it again with np.savez"
    ]


def test_a_flipped_bit_is_found():
    content = bytearray(Path(saved(X=X, y=np.arange(6))).read_bytes())
    content[content.index(X[3].tobytes())] ^= 16
    Path("t.npz").write_bytes(content)
    assert problems_of(loaded, "t.npz") == [
        "t.npz: X is no NumPy array (Bad CRC-32 for file 'X.npy'); save it again with NumPy"
    ]


def test_every_truncation_and_many_flips_of_an_archive_are_one_line_or_still_a_table():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, X=X, y=np.array([0.5, 1, 2, 3, 4, 5]))
    content = buffer.getvalue()
    broken = [content[:size] for size in range(0, len(content), 7)]
    for place in range(0, len(content), 5):
        flipped = bytearray(content)
        flipped[place] ^= 0x41
        broken.append(bytes(flipped))
    refused = []
    for variant in broken:
        Path("t.npz").write_bytes(variant)
        try:
            table = loaded("t.npz")
        except array_files.UserError as error:
            refused.append(error.problems)
        else:
            assert np.array_equal(table.X, X)
    assert len(refused) > len(broken) / 2
    assert all(len(problems) == 1 and problems[0].startswith("t.npz: ") for problems in refused)
    assert not any("\n" in problems[0] for problems in refused)


def test_an_npz_may_name_its_columns():
    X, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    np.savez("named.npz", X=X, y=y, feature_names=np.array(["height", "Größe"]))
    assert [column.name for column in loaded("named.npz").columns] == ["height", "Größe"]
    for names, problem in [
        (np.array(["height"]), "feature_names is (1,) <U6; write 2 names, as text"),
        (np.array([1.0, 2.0]), "feature_names is (2,) float64; write 2 names, as text"),
        (np.array(["height", "height"]), "feature_names: every column needs a name of its own"),
    ]:
        np.savez("named.npz", X=X, y=y, feature_names=names)
        assert problems_of(loaded, "named.npz") == [f"named.npz: {problem}"]
