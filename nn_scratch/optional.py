"""Packages that are imported where they are used, and that not everyone has installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nn_scratch.errors import EnvironmentFailure


def optional(module: str, needed_by: object) -> Any:
    """A module of an optional package, which is installed by the name that it is imported by.

    needed_by: what the message begins with: an option, a key or a file. Raises EnvironmentFailure, which says how to
    install it.
    """
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise EnvironmentFailure(
            f"{needed_by}: needs {package}, which is not installed: pip install {package}"
        ) from None
