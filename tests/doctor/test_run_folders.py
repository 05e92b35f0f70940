"""What the doctor makes of folders that are not of one run, and of runs that held nothing out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.errors import UserError
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run
from tests.small import DENSE, config, rows


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return train(config(rows(tmp_path), layers=[DENSE, DENSE], train__epochs=1), tmp_path).path


def test_layers_of_another_config_are_refused(run: Path) -> None:
    other = train(config(rows(run.parent), layers=[DENSE], train__epochs=1), run.parent).path
    (run / "param.yaml").write_bytes((other / "param.yaml").read_bytes())
    with pytest.raises(UserError) as error:
        diagnose(Run(run))
    assert str(error.value) == f"{run}/layers.csv: its layers are not those of param.yaml; train the run anew"


def test_classes_of_other_data_are_refused(run: Path) -> None:
    info = json.loads((run / "run.json").read_text())
    del info["train"]["recall"]["1"]
    (run / "run.json").write_text(json.dumps(info))
    with pytest.raises(UserError) as error:
        diagnose(Run(run))
    assert str(error.value) == f"{run}/run.json: its classes are not those of data.json; train the run anew"


def test_a_log_that_was_cut_is_not_taken_for_a_run_without_epochs(run: Path) -> None:
    (run / "metrics.csv").write_text("")
    with pytest.raises(UserError, match=r"metrics\.csv: cannot be read \(0 rows, and 1 were committed\)"):
        diagnose(Run(run))


def test_a_run_without_held_out_rows_is_judged_by_its_training_rows_and_says_so(tmp_path: Path) -> None:
    split = {"train": 1.0, "val": 0.0, "test": 0.0}
    source = rows(tmp_path)
    data = {"source": source, "split": split}
    learned = diagnose(train(config(source, data=data, train__epochs=400, train__batch_size=8), tmp_path))
    assert (learned.verdict, learned.figures["judged_by"]) == ("healthy", "train")
    assert "on the training rows, by which it is judged because there are no others" in learned.summary
    begun = diagnose(train(config(source, data=data, train__epochs=2, train__batch_size=60), tmp_path))
    assert begun.verdict == "sick"
    assert begun.findings[0].rule in ("too_few_epochs", "lr_too_low")
