"""A run's diagnosis on disk: diagnosis.json."""

from __future__ import annotations

from nn_scratch.data.prepare import Data
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import Diagnosis, Patch
from nn_scratch.runs.files import write_json
from nn_scratch.runs.run import Run


def diagnose_and_keep(run: Run, data: Data | None = None) -> Diagnosis:
    """Diagnose a run and write its diagnosis.json; data: the run's rows where they are at hand."""
    diagnosis = diagnose(run, data=data)
    write_json(run.path / "diagnosis.json", diagnosis.to_json())
    return diagnosis


def patches_of(run: Run) -> list[tuple[str, Patch]]:
    """The patches of a run's diagnosis in the order in which they are shown, each with its rule: those of
    diagnosis.json where there is one, so that their numbers are those that were read."""
    document = run.diagnosis
    if document is None:
        document = diagnose_and_keep(run).to_json()
    return [
        (str(finding["rule"]), Patch(dict(patch["set"]), str(patch["why"])))
        for finding in document["findings"]
        for patch in finding["patches"]
    ]
