"""The doctor: why a run does not learn, which line of YAML mends it, and the proof that it did.

`diagnose(run)` applies every rule to a run's folder. Rules read that folder alone: what was measured, and the config.
"""

from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import Diagnosis, Finding, Patch

__all__ = ["Diagnosis", "Finding", "Patch", "diagnose"]
