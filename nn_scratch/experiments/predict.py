"""Predictions for new rows, by a trained network with its own preprocessing."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.data.tables import read_rows
from nn_scratch.errors import UserError
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.runs.files import check_output, write_output
from nn_scratch.runs.run import Run

Array = NDArray[Any]


def predict_file(run: Run, file: str, out: Path | None) -> tuple[str, tuple[str, ...]]:
    """The predictions for every row of a file as CSV text, and notices for the user.

    Columns: `prediction`, then `p(<class>)` for each class; of several labels the prediction is those of a probability
    of one half or more, with semicolons between; for a regression one column a target. Written to `out`
    where one is given.
    """
    read = (Path(file), *(run.path / name for name in ("param.yaml", "model.npz")))
    if out is not None:
        check_output(out, read)  # before the work, and again when it is done
    model = load_model(run)
    rows = read_rows(file, model.preprocessing)
    predicted = model.predict(rows.X)
    if not np.isfinite(predicted).all():
        line = int(rows.lines[np.flatnonzero(~np.isfinite(predicted).all(axis=1))[0]])
        raise UserError(f"{file}:{line}: its prediction is not finite; are these values in the units of training?")
    text = as_csv(model, predicted)
    if out is not None:
        write_output(out, text.encode(), read)
    return text, rows.notices


def as_csv(model: Model, predicted: Array) -> str:
    """A header and one line per row; numbers with the digits that float32 holds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if model.class_names:
        writer.writerow(["prediction", *(f"p({name})" for name in model.class_names)])
        decided = predicted.argmax(axis=1)
        for row, best in zip(predicted.tolist(), decided.tolist(), strict=True):
            writer.writerow([model.class_names[best], *(f"{p:.7g}" for p in row)])
    elif model.preprocessing.task == "multi_label":
        names = model.preprocessing.target_names
        writer.writerow(["prediction", *(f"p({name})" for name in names)])
        for row in predicted.tolist():
            said = ";".join(name for name, p in zip(names, row, strict=True) if p >= 0.5)
            writer.writerow([said, *(f"{p:.7g}" for p in row)])
    else:
        names = model.preprocessing.target_names
        writer.writerow(["prediction"] if len(names) == 1 else [f"prediction({name})" for name in names])
        writer.writerows([f"{value:.7g}" for value in row] for row in predicted.tolist())
    return text.getvalue()
