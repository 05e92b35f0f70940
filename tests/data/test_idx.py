import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.data import idx
from tests.data.reading import loaded, prepared, problems_of

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 3, 4), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 5


def packed(array, kind=8, shape=None):
    shape = array.shape if shape is None else shape
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + array.tobytes()


def folder(**files):
    """A folder `mnist` with the files, whose names are written with _ for - and ."""
    path = Path("mnist")
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        name = name.replace("_", "-")
        if name.endswith("-gz"):
            name, content = name[:-3] + ".gz", gzip.compress(content)
        (path / name).write_bytes(content)
    return path


def mnist(**changes):
    return folder(
        **{
            "train_images_idx3_ubyte": packed(IMAGES),
            "train_labels_idx1_ubyte": packed(LABELS),
            "t10k_images_idx3_ubyte": packed(IMAGES[:6]),
            "t10k_labels_idx1_ubyte": packed(LABELS[:6]),
            **changes,
        }
    )


def test_images_are_rows_of_bytes_and_the_test_files_are_the_test():
    table = loaded(mnist())
    assert table.X.dtype == np.uint8
    assert np.array_equal(table.X, IMAGES.reshape(20, 12))
    assert table.y.tolist() == LABELS.tolist()
    assert table.class_names == ("0", "1", "2", "3", "4")
    assert table.image_shape == (3, 4)
    assert table.feature_names == tuple(f"pixel_{row}_{column}" for row in range(3) for column in range(4))
    assert table.target_names == ("label",)
    assert table.origin == "mnist"
    assert np.array_equal(table.test.X, IMAGES[:6].reshape(6, 12))
    assert table.test.y.tolist() == LABELS[:6].tolist()
    assert table.test.origin == "mnist/t10k-images-idx3-ubyte"


def test_packed_files_are_the_same():
    plain = loaded(mnist())
    for path in Path("mnist").iterdir():
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    table = loaded("./mnist")
    assert np.array_equal(table.X, plain.X)
    assert np.array_equal(table.test.y, plain.test.y)


@pytest.mark.parametrize(
    "names",
    [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),
    ],
)
def test_the_other_names_of_the_family_are_known(names):
    Path("mnist").mkdir()
    for name, array in zip(names, (IMAGES, LABELS), strict=True):
        (Path("mnist") / name).write_bytes(packed(array))
    assert len(loaded("./mnist").X) == 20


def test_without_test_files_the_rows_are_split_as_any():
    path = mnist()
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (path / name).unlink()
    table = loaded(path)
    assert table.test is None
    data = prepared(table)
    assert [len(data.train), len(data.val), len(data.test)] == [14, 3, 3]


def test_the_test_files_are_the_test_part_and_validation_takes_its_share_of_the_others():
    data = prepared(loaded(mnist()), scale="none")
    assert [len(data.train), len(data.val), len(data.test)] == [17, 3, 6]
    assert np.array_equal(data.test.X, IMAGES[:6].reshape(6, 12).astype(np.float32))
    assert data.test.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.notices[0] == (
        "the test rows are 6 rows of mnist/t10k-images-idx3-ubyte; data.split.test has no effect, and its rows train"
    )
    assert data.card["split"]["own_test"] is True


def test_a_class_that_only_the_test_has_is_known_and_reported():
    table = loaded(mnist(t10k_labels_idx1_ubyte=packed(np.array([0, 1, 2, 3, 4, 9], dtype=np.uint8))))
    assert table.class_names == table.test.class_names == ("0", "1", "2", "3", "4", "9")
    assert table.test.y.tolist() == [0, 1, 2, 3, 4, 5]
    assert "no row to train on has the class '9', which cannot be learned" in prepared(table).notices


def test_labels_can_be_quantities():
    table = loaded(mnist(), task="regression")
    assert table.y[:6, 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 0.0]
    assert table.test.y.shape == (6, 1)
    assert table.task == table.test.task == "regression"


TRAIN = "mnist/train-images-idx3-ubyte"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no IDX file; it has to begin with two zero bytes, the type and the dimensions"),
        (b"\x89PNG" + bytes(40), "no IDX file; it has to begin with two zero bytes, the type and the dimensions"),
        (
            packed(IMAGES, kind=13),
            "values of type 0x0d in 3 dimensions; unsigned bytes (0x08) in 3 are wanted",
        ),
        (
            packed(LABELS) + bytes(12),
            "values of type 0x08 in 1 dimensions; unsigned bytes (0x08) in 3 are wanted",
        ),
        (
            packed(IMAGES)[:-1],
            "the header announces 20 x 3 x 4 bytes, and the file holds another number; fetch it again",
        ),
        (
            packed(IMAGES) + b"\0",
            "the header announces 20 x 3 x 4 bytes, and the file holds another number; fetch it again",
        ),
        (
            packed(IMAGES, shape=(4_000_000_000, 60_000, 60_000)),
            "the header announces 4,000,000,000 x 60,000 x 60,000 bytes, and the file holds another number; fetch it "
            "again",
        ),
        (packed(IMAGES[:0]), "0 x 3 x 4 values, which is none"),
    ],
    ids=["empty", "another format", "doubles", "labels", "short", "long", "huge", "no image"],
)
def test_a_file_that_is_not_what_its_header_says_is_refused(content, problem):
    assert problems_of(loaded, mnist(train_images_idx3_ubyte=content)) == [f"{TRAIN}: {problem}"]


def test_a_packed_file_that_announces_gigabytes_is_not_unpacked():
    path = mnist()
    Path(TRAIN).unlink()
    content = gzip.compress(packed(IMAGES, shape=(4_000_000, 28, 28)))
    Path(TRAIN + ".gz").write_bytes(content)
    assert problems_of(loaded, path) == [
        f"{TRAIN}.gz: {len(content)} bytes that unpack to 3,136,000,000; unpack the file yourself"
    ]


def test_a_packed_file_that_is_cut_off_is_refused():
    path = mnist()
    Path(TRAIN).unlink()
    Path(TRAIN + ".gz").write_bytes(gzip.compress(packed(IMAGES))[:100])
    assert problems_of(loaded, path) == [
        f"{TRAIN}.gz: no whole gzip file (Compressed file ended before the end-of-stream marker was reached); "
        "fetch it again"
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"train_labels_idx1_ubyte": packed(LABELS[:19])},
            "mnist/train-labels-idx1-ubyte: 19 labels for the 20 images of train-images-idx3-ubyte",
        ),
        (
            {"t10k_images_idx3_ubyte": packed(IMAGES[:6].reshape(6, 2, 6))},
            "mnist: images of 3 x 4 to train and of 2 x 6 to test",
        ),
        (
            {"train_images.idx3_ubyte": packed(IMAGES)},
            "mnist: both train-images-idx3-ubyte and train-images.idx3-ubyte; keep one data set in a folder",
        ),
        (
            {"train_labels_idx1_ubyte": packed(np.ones(20, dtype=np.uint8))},
            "mnist: every row has 'label' = '1'; classification needs two classes or more",
        ),
    ],
    ids=["lengths", "shapes", "two data sets", "one class"],
)
def test_files_that_do_not_fit_together_are_refused(changes, problem):
    if "train_labels_idx1_ubyte" in changes and "class" in problem:
        changes["t10k_labels_idx1_ubyte"] = packed(np.ones(6, dtype=np.uint8))
    assert problems_of(loaded, mnist(**changes)) == [problem]


@pytest.mark.parametrize(
    ("absent", "problem"),
    [
        (
            "train-images-idx3-ubyte",
            "mnist: a folder without IDX files; put train-images-idx3-ubyte and train-labels-idx1-ubyte in it "
            "(.gz too), or name a file",
        ),
        (
            "t10k-labels-idx1-ubyte",
            "mnist: no file of the test labels, only 't10k-images-idx3-ubyte', 'train-images-idx3-ubyte' and "
            "'train-labels-idx1-ubyte'; put it beside them",
        ),
    ],
)
def test_a_file_that_is_not_there_is_named(absent, problem):
    (mnist() / absent).unlink()
    assert problems_of(loaded, "./mnist") == [problem]


def test_a_file_of_images_is_read_whole():
    X, shape = idx.read_images(mnist() / "t10k-images-idx3-ubyte")
    assert np.array_equal(X, IMAGES[:6].reshape(6, 12))
    assert shape == (3, 4)
