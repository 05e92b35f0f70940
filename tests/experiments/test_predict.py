"""Predictions for new rows, as a CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.errors import UserError
from nn_scratch.experiments.train import train
from tests.small import config, predict_file, rows


def test_classes_have_a_column_each(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=1), tmp_path)
    np.save(tmp_path / "new.npy", np.zeros((2, 3)))
    text, notices = predict_file(run, str(tmp_path / "new.npy"), tmp_path / "out.csv")
    assert notices == ()
    assert (tmp_path / "out.csv").read_text() == text
    header, *lines = text.splitlines()
    assert header == "prediction,p(0),p(1),p(2)"
    assert len(lines) == 2
    label, *shares = lines[0].split(",")
    assert int(label) == np.argmax([float(share) for share in shares])
    assert sum(map(float, shares)) == pytest.approx(1.0, abs=1e-6)


def test_a_number_has_one(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path, classes=0), train__epochs=1), tmp_path)
    np.save(tmp_path / "new.npy", np.zeros((3, 3)))
    text, _ = predict_file(run, str(tmp_path / "new.npy"), None)
    header, *lines = text.splitlines()
    assert header == "prediction"
    assert len({float(line) for line in lines}) == 1
    assert len(lines) == 3


def test_a_prediction_that_is_not_finite_is_reported_with_its_line(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path, classes=0), layers=[], train__epochs=3), tmp_path)
    (tmp_path / "new.csv").write_text("x1,x2,x3\n0,0,0\n3e38,3e38,3e38\n")
    with pytest.raises(UserError) as error, np.errstate(all="ignore"):
        predict_file(run, str(tmp_path / "new.csv"), None)
    assert str(error.value).startswith(f"{tmp_path}/new.csv:3: its prediction is not finite; ")
