"""Losses; each file registers its own."""

from nn_scratch.nn.losses.base import LOSSES, Loss
from nn_scratch.registry import import_all

import_all(__name__)

__all__ = ["LOSSES", "Loss"]
