"""Activations, elementwise and fused into the layer they follow; each file registers its own."""

from nn_scratch.nn.activations.base import ACTIVATIONS, Activation
from nn_scratch.registry import import_all

import_all(__name__)

__all__ = ["ACTIVATIONS", "Activation"]
