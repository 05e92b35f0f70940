"""Raw rows to the network's input, and its output back to the target's own units.

Measured on the training rows alone, kept with the model as plain arrays, and applied to new rows as they come.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nn_scratch.data.columns import Encoder
from nn_scratch.data.moments import Moments, row_blocks
from nn_scratch.data.table import Column, Task
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array

Scale = Literal["standard", "minmax", "none"]


def offset_and_scale(kind: Scale, measured: Moments) -> tuple[Array, Array]:
    """(features,) float64 each, so that (x - offset) / scale is

    standard: of mean 0 and standard deviation 1 (divided by n); minmax: in [0, 1]; none: x.
    A constant feature becomes 0 under the first two: its scale is 1.
    """
    n = len(measured.mean)
    if kind == "none":
        return np.zeros(n), np.ones(n)
    offset, scale = (measured.mean, measured.std) if kind == "standard" else (measured.min, measured.max - measured.min)
    # Its minimum and not its mean, which rounding may have moved: zeros have to be zeros.
    return np.where(measured.constant, measured.min, offset), np.where(measured.constant, 1.0, scale)


@dataclass(frozen=True)
class Preprocessing:
    """Columns to features, missing ones filled in, then (x - offset) / scale of each."""

    task: Task
    columns: tuple[Column, ...]  # of the user's table, without the target, fitted on the training rows
    target_names: tuple[str, ...]
    class_names: tuple[str, ...]  # () for regression
    image_shape: tuple[int, int] | None
    scale_kind: Scale
    offset: Array  # (features,) float64
    scale: Array  # (features,) float64
    fill: Array | None  # (features,) float64: what stands for a missing value; None: none may be missing
    target_offset: Array  # (outputs,) float64; () for classification
    target_scale: Array  # (outputs,) float64; () for classification
    target_styles: tuple[str, ...] = ()  # how the targets' numbers are written, as Column.style; (): plainly
    na_values: tuple[str, ...] = ()  # what stands for a missing value in text, beside notation.MISSING_WORDS

    @cached_property
    def encode(self) -> Encoder:
        """Blocks of values (rows, columns) to features (rows, features) float64, NaN where one is to be filled in."""
        return Encoder(self.columns)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def n_features(self) -> int:
        return len(self.offset)

    def transform(
        self, X: Array, rows: Array | None = None, dtype: Any = np.float32, out: Array | None = None
    ) -> Array:
        """X (rows, columns) raw, or only its rows of these numbers, as the network takes them: (rows, features).

        Computed in float64 and then rounded to `dtype`, or written into `out`; X is left as it is and no second copy
        of it is made.
        """
        if out is None:
            out = np.empty((len(X) if rows is None else len(rows), self.n_features), dtype=dtype)
        for part in row_blocks(len(out), self.n_features):
            block = self.encode(X[part] if rows is None else X[rows[part]])
            if self.fill is not None:
                np.copyto(block, self.fill, where=np.isnan(block))
            block -= self.offset
            block /= self.scale
            with np.errstate(over="ignore"):  # what is beyond float32 is found by who calls
                out[part] = block
        return out

    def target_transform(self, y: Array, dtype: Any = np.float32) -> Array:
        """y (rows, outputs) in its own units, scaled for training."""
        scaled: Array = ((y - self.target_offset) / self.target_scale).astype(dtype)
        return scaled

    def target_inverse(self, Z: Array) -> Array:
        """Z (rows, outputs) of the network in the target's own units, float64."""
        y: Array = Z.astype(np.float64) * self.target_scale + self.target_offset
        return y

    def to_arrays(self) -> dict[str, Array]:
        """All of it as arrays of numbers and one of text, which `np.savez` stores without pickling."""
        words = {
            "task": self.task,
            "columns": [column.to_plain() for column in self.columns],
            "target_names": self.target_names,
            "class_names": self.class_names,
            "image_shape": self.image_shape,
            "scale": self.scale_kind,
            "na_values": self.na_values,
            "target_styles": self.target_styles,
        }
        arrays = {
            "words": np.array(json.dumps(words, ensure_ascii=True)),
            "offset": self.offset,
            "scale": self.scale,
            "target_offset": self.target_offset,
            "target_scale": self.target_scale,
        }
        return arrays if self.fill is None else {**arrays, "fill": self.fill}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Preprocessing:
        """The inverse of `to_arrays`. The arrays may be anyone's: UserError if they do not fit together."""
        try:
            words = json.loads(str(arrays["words"].item()))
            preprocessing = cls(
                task=_one_of(words["task"], ("classification", "regression", "multi_label")),
                columns=tuple(Column.from_plain(column) for column in words["columns"]),
                target_names=_texts(words["target_names"]),
                class_names=_texts(words["class_names"]),
                image_shape=_shape(words["image_shape"]),
                scale_kind=_one_of(words["scale"], ("standard", "minmax", "none")),
                offset=_numbers(arrays["offset"]),
                scale=_numbers(arrays["scale"]),
                fill=_numbers(arrays["fill"]) if "fill" in arrays else None,
                target_offset=_numbers(arrays["target_offset"]),
                target_scale=_numbers(arrays["target_scale"]),
                target_styles=_texts(words.get("target_styles", ())),
                na_values=_texts(words.get("na_values", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
            raise UserError(f"the model's preprocessing cannot be read ({type(error).__name__}: {error})") from None
        preprocessing._check()
        return preprocessing

    def _check(self) -> None:
        n, outputs = self.encode.n_features, 0 if self.task == "classification" else len(self.target_names)
        fits = (
            len(self.offset) == len(self.scale) == n > 0
            and (self.fill is None or len(self.fill) == n)
            and len(self.target_offset) == len(self.target_scale) == outputs
            and (self.image_shape is None or self.image_shape[0] * self.image_shape[1] == n)
            and (len(self.class_names) >= 2) == (self.task == "classification")
            and len(self.target_names) >= 1
            and len(self.target_styles) in (0, len(self.target_names))
            and np.all(self.scale != 0)
            and np.all(self.target_scale != 0)
        )
        if not fits:
            raise UserError("the model's preprocessing cannot be read (its parts do not fit together)")


def _one_of(word: Any, choices: Sequence[str]) -> Any:
    if word not in choices:
        raise ValueError(f"{word!r} is none of {', '.join(choices)}")
    return word


def _text(word: Any) -> str:
    if not isinstance(word, str):
        raise TypeError(f"{word!r} is no text")
    return word


def _texts(words: Any) -> tuple[str, ...]:
    return tuple(_text(word) for word in words)


def _shape(shape: Any) -> tuple[int, int] | None:
    return None if shape is None else (int(shape[0]), int(shape[1]))


def _numbers(values: Array) -> Array:
    if values.ndim != 1 or values.dtype.kind != "f" or not np.all(np.isfinite(values)):
        raise ValueError("not a row of finite numbers")
    return values.astype(np.float64)
