"""Optimizers; each file registers its own."""

from nn_scratch.nn.optimizers.base import OPTIMIZERS, Optimizer
from nn_scratch.registry import import_all

import_all(__name__)

__all__ = ["OPTIMIZERS", "Optimizer"]
