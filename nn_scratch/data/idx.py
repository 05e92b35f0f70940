"""Folders of IDX files, as MNIST and its family come: images and labels of 1 byte, also packed (.gz).

The format: two zero bytes, the type of the values (8: unsigned byte), the number of dimensions; the dimensions, each
a big-endian int32; the values. (LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998)
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from math import prod
from pathlib import Path
from typing import IO, cast

import numpy as np

from nn_scratch.data.problems import is_bomb
from nn_scratch.data.table import Table, number_columns, pixel_names
from nn_scratch.data.targets import index_labels
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import listed, plural

# train-images-idx3-ubyte, t10k-labels.idx1-ubyte.gz, emnist-letters-test-images-idx3-ubyte
NAME = re.compile(r"(?:.*-)?(train|t10k|test)-(images|labels)[-.]idx([13])-ubyte(?:\.gz)?")


def find_files(folder: Path) -> dict[tuple[str, str], Path]:
    """The files of a folder by part ("train" or "test") and content ("images" or "labels")."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        match = NAME.fullmatch(path.name)
        if not match:
            continue
        key = ("train" if match[1] == "train" else "test", match[2])
        # The same file packed and unpacked, side by side, is no question.
        if key in found and found[key].name.removesuffix(".gz") != path.name.removesuffix(".gz"):
            raise UserError(f"{folder}: both {found[key].name} and {path.name}; keep one data set in a folder")
        found.setdefault(key, path)
    return found


def read_idx_folder(folder: Path) -> Table:
    """The images as rows of pixels, uint8; the test files, where there are any, as the table's `test`."""
    files = find_files(folder)
    if ("train", "images") not in files:
        raise UserError(
            f"{folder}: a folder without IDX files; put train-images-idx3-ubyte and train-labels-idx1-ubyte in it "
            "(.gz too), or name a file"
        )
    X, shape, labels = _read_part(folder, files, "train")
    y, class_names = index_labels(labels)
    test = None
    if ("test", "images") in files or ("test", "labels") in files:
        test_X, test_shape, test_labels = _read_part(folder, files, "test")
        if test_shape != shape:
            raise UserError(f"{folder}: images of {_by(shape)} to train and of {_by(test_shape)} to test")
        test_y, test_names = index_labels(test_labels)
        test = _table(files["test", "images"], test_X, test_y, test_names, shape)
    return _table(folder, X, y, class_names, shape, test)


def _table(
    path: Path, X: Array, y: Array, class_names: tuple[str, ...], shape: tuple[int, int], test: Table | None = None
) -> Table:
    return Table(
        X=X,
        y=y,
        task="classification",
        columns=number_columns(pixel_names(*shape)),
        target_names=("label",),
        origin=str(path),
        class_names=class_names,
        image_shape=shape,
        test=test,
        task_rule="IDX files hold labels",
    )


def _read_part(folder: Path, files: dict[tuple[str, str], Path], part: str) -> tuple[Array, tuple[int, int], Array]:
    absent = [content for content in ("images", "labels") if (part, content) not in files]
    if absent:
        there = listed(path.name for path in files.values())
        raise UserError(f"{folder}: no file of the {part} {absent[0]}, only {there}; put it beside them")
    X, shape = read_images(files[part, "images"])
    labels = read_idx(files[part, "labels"], 1)
    if len(X) != len(labels):
        raise UserError(
            f"{files[part, 'labels']}: {plural(len(labels), 'label')} for the {plural(len(X), 'image')} of "
            f"{files[part, 'images'].name}"
        )
    return X, shape, labels


def read_images(path: Path) -> tuple[Array, tuple[int, int]]:
    """(images, pixels) uint8, and the images' (height, width)."""
    images = read_idx(path, 3)
    return images.reshape(len(images), -1), (images.shape[1], images.shape[2])


def read_idx(path: Path, n_dimensions: int) -> Array:
    """The bytes of an IDX file, uint8. Reads no more than its header announces, and nothing if that cannot be."""
    packed = path.suffix == ".gz"
    opened = gzip.open if packed else open
    try:
        with cast("IO[bytes]", opened(path, "rb")) as file:
            header = file.read(4 + 4 * n_dimensions)
            if len(header) < 4 + 4 * n_dimensions or header[:2] != b"\0\0":
                raise UserError(
                    f"{path}: no IDX file; it has to begin with two zero bytes, the type and the dimensions"
                )
            if header[2] != 8 or header[3] != n_dimensions:
                raise UserError(
                    f"{path}: values of type 0x{header[2]:02x} in {header[3]} dimensions; unsigned bytes (0x08) in "
                    f"{n_dimensions} are wanted"
                )
            shape = struct.unpack(f">{n_dimensions}I", header[4:])
            wanted = prod(shape)
            if not wanted:
                raise UserError(f"{path}: {_by(shape)} values, which is none")
            size = path.stat().st_size
            if wanted > size and not packed:
                raise _broken(path, shape)
            if packed and is_bomb(size, wanted):
                raise UserError(f"{path}: {size:,} bytes that unpack to {wanted:,}; unpack the file yourself")
            values = file.read(wanted + 1)
            if len(values) != wanted:
                raise _broken(path, shape)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: no whole gzip file ({error}); fetch it again") from None
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _broken(path: Path, shape: tuple[int, ...]) -> UserError:
    return UserError(
        f"{path}: the header announces {_by(shape)} bytes, and the file holds another number; fetch it again"
    )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape)
