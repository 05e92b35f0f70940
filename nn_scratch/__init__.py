"""A multi-layer perceptron in pure NumPy, declared in YAML, logged epoch by epoch, and shown.

The public names are imported when they are first used, so that `import nn_scratch` takes no time.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nn_scratch.api import (
        EpochCallback,
        Model,
        Run,
        diagnose,
        load_config,
        predict,
        resume,
        sweep,
        train,
        treat,
        visualize,
    )
    from nn_scratch.estimators import MLPClassifier, MLPRegressor

__version__ = "0.1.0"

__all__ = [
    "EpochCallback",
    "MLPClassifier",
    "MLPRegressor",
    "Model",
    "Run",
    "__version__",
    "diagnose",
    "load_config",
    "predict",
    "resume",
    "sweep",
    "train",
    "treat",
    "visualize",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'nn_scratch' has no attribute {name!r}")
    module = "estimators" if name.startswith("MLP") else "api"
    return getattr(import_module(f"nn_scratch.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CallablePackage(ModuleType):
    """nn_scratch.visualize is the package of the pictures and, called, the function of that name in the API."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from nn_scratch.api import visualize

        return visualize(*arguments, **options)


class _Package(ModuleType):
    """Importing the subpackage visualize puts it in the place of the function of that name: both then are one."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "visualize" and isinstance(value, ModuleType):
            value.__class__ = _CallablePackage
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
