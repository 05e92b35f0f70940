"""Baselines depend on the data alone, so that many runs on the same split need them once in a process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from copy import deepcopy
from functools import cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from nn_scratch.data.prepare import Data

P = ParamSpec("P")
T = TypeVar("T")

MOST_KEPT = 64  # results of each function, the ones used last; each is a small dictionary; bounds memory


def once_per_split(function: Callable[Concatenate[Data, P], T]) -> Callable[Concatenate[Data, P], T]:
    """Decorates a function of the data and of options: equal data (`Data.digest`) get a copy of the first result.

    The number of BLAS threads is part of the key, since it can change the last digits. A call that raises is not kept.
    """
    kept: OrderedDict[tuple[Any, ...], T] = OrderedDict()

    @wraps(function)
    def computed_once(data: Data, /, *args: P.args, **options: P.kwargs) -> T:
        key = (data.digest, args, tuple(sorted(options.items())), *blas_threads())
        if key in kept:
            kept.move_to_end(key)
        else:
            kept[key] = function(data, *args, **options)
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        return deepcopy(kept[key])

    return computed_once


def blas_threads() -> list[int]:
    """How many threads each BLAS library of this process uses now."""
    return [library.num_threads for library in _blas_libraries()]


@cache
def _blas_libraries() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    libraries: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return libraries
