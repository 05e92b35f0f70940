"""What is wrong with a file, worded the same way everywhere: the first ten problems, and how many more there are."""

from __future__ import annotations

from collections.abc import Iterable

from nn_scratch.data.table import Array
from nn_scratch.errors import UserError

SHOWN = 10
LARGEST = 3.4028234663852886e38  # of float32

FILL_IN = "write one, or set data.missing to drop (leave such rows out) or mean (fill it in)"
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


def quoted(cell: str) -> str:
    """A cell as messages show it: quoted, on one line, at most 40 characters."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def listed(names: Iterable[str], shown: int = 5) -> str:
    """'a', 'b' and 3 more."""
    known = [quoted(name) for name in names]
    if len(known) > shown + 1:
        return f"{', '.join(known[:shown])} and {len(known) - shown:,} more"
    return f"{', '.join(known[:-1])} and {known[-1]}" if len(known) > 1 else "".join(known)


def plural(number: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
