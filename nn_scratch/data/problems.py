"""Errors of a file, worded the same way everywhere: the first ten problems, and how many more there are."""

from __future__ import annotations

from collections.abc import Iterable

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array

SHOWN = 10

LARGEST = 3.4028234663852886e38  # of float32

FILL_IN = "write one, or set data.missing to auto (fill it in) or drop (leave such rows out)"

FILL_IN_TARGET = "write one, or set data.missing: drop to leave such rows out"


def is_bomb(packed: int, unpacked: int) -> bool:
    """Whether so few bytes would unpack to so many (over 256 MB, and over 200 times as many) that it is no data."""
    return unpacked > max(256_000_000, 200 * packed)


def within_float32(values: Array) -> bool:
    """Whether every number is finite and float32 can hold it; false for NaN."""
    return bool(values.min() >= -LARGEST and values.max() <= LARGEST)


def refuse(problems: Iterable[str], total: int) -> UserError:
    """The error for `total` problems of which `problems` are the first."""
    shown = list(problems)[:SHOWN]
    return UserError([*shown, f"and {total - len(shown):,} more"] if total > len(shown) else shown)
