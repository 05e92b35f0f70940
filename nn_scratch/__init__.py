"""A multi-layer perceptron in pure NumPy, declared in YAML, logged epoch by epoch, and shown.

The public names are imported when they are first used, so that `import nn_scratch` takes no time.
"""

from __future__ import annotations

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
