"""Layers; each file registers its own."""

from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.registry import import_all

import_all(__name__)

__all__ = ["LAYERS", "Layer"]
