"""A multi-layer perceptron in pure NumPy, declared in YAML, logged epoch by epoch, and shown.

The public names are imported when they are first used, so that `import nn_scratch` takes no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_FROM = {
    "api": ("EpochCallback", "Model", "Run", "diagnose", "load_config", "predict", "resume", "train", "treat", "visualize"),
    "estimators": ("MLPClassifier", "MLPRegressor"),
}
__all__ = ["__version__", *sorted(name for names in _FROM.values() for name in names)]

if TYPE_CHECKING:
    from nn_scratch.api import (
        EpochCallback,
        Model,
        Run,
        diagnose,
        load_config,
        predict,
        resume,
        train,
        treat,
        visualize,
    )
    from nn_scratch.estimators import MLPClassifier, MLPRegressor


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _FROM.items():
        if name in names:
            return getattr(import_module(f"nn_scratch.{module}"), name)
    raise AttributeError(f"module 'nn_scratch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
