"""Arrays as text for the page: quantized, split into byte planes, compressed, in base64.

Every codec states its largest absolute error, measured by decoding what was encoded. The page decodes a block when it
is first used (`blocks.js`).
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn_scratch.metrics import Array

LEVEL = 7  # of zlib: 9 takes four times as long for 1 %
MOST_SIDE = 128  # of a matrix that had to be pooled


@dataclass(frozen=True)
class Block:
    """One encoded array: (epochs, *shape).

    codec: "q" whole numbers of `bits`, times scale / (2^(bits - 1) - 1), each as the difference to the epoch before
    where `delta`; "f16" float16, times scale; "f24" float32 without its last byte; "f32" as it is. scale: one an epoch.
    max_error: largest absolute difference to the logged value; None where entries of a matrix were pooled.
    """

    epochs: tuple[int, ...]
    shape: tuple[int, ...]
    codec: str
    bits: int
    delta: bool
    scale: tuple[float, ...]
    max_error: float | None
    data: str

    @property
    def header(self) -> dict[str, Any]:
        """The entry of the page's table of blocks."""
        return {
            "epochs": list(self.epochs),
            "shape": list(self.shape),
            "codec": self.codec,
            "bits": self.bits,
            "delta": self.delta,
            "scale": list(self.scale),
            "max_error": self.max_error,
        }


def packed(values: Array, width: int) -> str:
    """Whole numbers of `width` bytes, little-endian: byte planes one after another, compressed, in base64."""
    planes = np.ascontiguousarray(values).view(np.uint8).reshape(-1, width).T
    return base64.b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), LEVEL)).decode()


def scales(values: Array) -> Array:
    """The largest absolute value of each epoch, 1 where all are 0."""
    largest = np.abs(values).reshape(len(values), -1).max(axis=1, initial=0.0).astype(np.float64)
    rounded = np.array([float(f"{value:.7g}") for value in largest * (1 + 1e-6)])  # short in JSON, and never too small
    return np.where(largest > 0, rounded, 1.0)


def quantized(values: Array, epochs: Array, bits: int, *, delta: bool = False) -> Block:
    """Uniform steps. With `delta` one scale serves all epochs, and what is stored is the change: for what changes
    little from one epoch to the next."""
    if not np.isfinite(values).all():
        return plain(values, epochs)
    scale = scales(values)
    if delta:
        scale[:] = scale.max()
    top = 2 ** (bits - 1) - 1
    per_epoch = scale.reshape(-1, *[1] * (values.ndim - 1))
    whole = np.rint(values / per_epoch * top).astype(np.int16)
    decoded = whole * (per_epoch / top)
    stored = np.diff(whole, axis=0, prepend=np.zeros_like(whole[:1])) if delta else whole
    width = 1 if bits <= 8 and not delta else 2
    text = packed(stored.astype(np.int8 if width == 1 else "<i2"), width)
    return block(values, decoded, epochs, "q", bits, delta, scale, text)


def half(values: Array, epochs: Array) -> Block:
    """float16 of value over the epoch's largest: relative precision for the larger, for what spans magnitudes."""
    if not np.isfinite(values).all():
        return plain(values, epochs)
    scale = scales(values)
    per_epoch = scale.reshape(-1, *[1] * (values.ndim - 1))
    small = (values / per_epoch).astype("<f2")
    return block(
        values, small.astype(np.float64) * per_epoch, epochs, "f16", 16, False, scale, packed(small.view("<u2"), 2)
    )


def three_bytes(values: Array, epochs: Array) -> Block:
    """float32 rounded to 16 significant bits: a relative error of at most 2^-16, however small the value."""
    if not np.isfinite(values).all():
        return plain(values, epochs)
    raw = np.ascontiguousarray(values, "<f4").view("<u4")
    rounded = ((raw.astype(np.uint64) + 0x80) & 0xFFFFFF00).astype("<u4")
    planes = np.ascontiguousarray(rounded).view(np.uint8).reshape(-1, 4)[:, 1:].T
    text = base64.b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), LEVEL)).decode()
    ones = np.ones(len(values))
    decoded = rounded.view("<f4").reshape(values.shape).astype(np.float64)
    return block(values, decoded, epochs, "f24", 24, False, ones, text)


def plain(values: Array, epochs: Array) -> Block:
    """float32 as it is: exact, and for numbers that are not finite."""
    content = np.ascontiguousarray(values, "<f4")
    return Block(
        tuple(map(int, epochs)), values.shape[1:], "f32", 32, False, (1.0,) * len(values), 0.0, packed(content, 4)
    )


def block(
    values: Array, decoded: Array, epochs: Array, codec: str, bits: int, delta: bool, scale: Array, text: str
) -> Block:
    error = float(np.abs(values - decoded).max(initial=0.0))
    error += float(np.spacing(np.float32(np.abs(values).max(initial=0.0))))  # of a reader who subtracts in float32
    return Block(tuple(map(int, epochs)), values.shape[1:], codec, bits, delta, tuple(map(float, scale)), error, text)


def pooled(values: Array, side: int = MOST_SIDE) -> Array:
    """(epochs, rows, columns) with both sides at most `side`: each block's signed entry of largest magnitude."""
    for axis in (1, 2):
        length = values.shape[axis]
        if length <= side:
            continue
        edges = np.linspace(0, length, side + 1).astype(int)[:-1]
        high, low = np.maximum.reduceat(values, edges, axis), np.minimum.reduceat(values, edges, axis)
        values = np.where(high >= -low, high, low)
    return values
