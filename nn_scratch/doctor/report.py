"""A run's diagnosis on disk: diagnosis.json."""

from __future__ import annotations

from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import Diagnosis
from nn_scratch.runs.files import write_json
from nn_scratch.runs.run import Run


def diagnose_and_keep(run: Run) -> Diagnosis:
    """Diagnose a run and write its diagnosis.json."""
    diagnosis = diagnose(run)
    write_json(run.path / "diagnosis.json", diagnosis.to_json())
    return diagnosis
