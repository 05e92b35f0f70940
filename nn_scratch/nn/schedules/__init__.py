"""Learning-rate schedules; each file registers its own."""

from nn_scratch.nn.schedules.base import SCHEDULES, Schedule
from nn_scratch.registry import import_all

import_all(__name__)

__all__ = ["SCHEDULES", "Schedule"]
