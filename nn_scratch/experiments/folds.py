"""Cross-validation: the predictions of each fold's run for the rows that it held out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.resolve import change_config
from nn_scratch.config.schema import Config
from nn_scratch.errors import UserError
from nn_scratch.runs.files import write_bytes
from nn_scratch.runs.run import Run


def fold_configs(config: Config, folds: int) -> list[Config]:
    """The config once for each fold, which is its test; every one can be trained again by itself."""
    if folds < 2:
        raise UserError(f"--folds {folds}: write 2 or more")
    if config.data.test_source is not None:
        raise UserError("--folds: each fold is a test; set data.test_source to null")
    return [
        change_config(config, {"data.split.folds": folds, "data.split.fold": number}) for number in range(1, folds + 1)
    ]


def write_folds(runs: Sequence[Run], folder: Path) -> None:
    """Write folds.csv (a row a fold: its run and its test scores) and out_of_fold.csv to a folder.

    out_of_fold.csv has a row for each row of the source that was in a test: its number from 1, the fold, the target
    and what the run that had not seen it predicts (classes: with a probability each).
    """
    scores = [key for key, value in runs[0].info["test"].items() if isinstance(value, float | None)]
    rows = [[number, run.name, *(run.info["test"][key] for key in scores)] for number, run in enumerate(runs, start=1)]
    write_bytes(folder / "folds.csv", _csv(["fold", "run", *scores], rows))
    write_bytes(folder / "out_of_fold.csv", _csv(_header(runs[0]), sorted(_predictions(runs))))


def _header(run: Run) -> list[str]:
    targets, classes = run.card["target"], run.card["classes"]
    if classes:
        return ["row", "fold", targets[0], "prediction", *(f"p({name})" for name in classes)]
    return ["row", "fold", *targets, *(f"prediction({name})" for name in targets)]


def _predictions(runs: Sequence[Run]) -> Iterator[list[Any]]:
    for number, run in enumerate(runs, start=1):
        predicted, classes = run.predictions, run.card["classes"]
        for row, y, output in zip(
            predicted["test_rows"].tolist(), predicted["test_y"], predicted["test_output"], strict=True
        ):
            numbers = [float(f"{value:.7g}") for value in output]
            if classes:
                yield [row + 1, number, classes[int(y)], classes[int(np.argmax(output))], *numbers]
            else:
                yield [row + 1, number, *(float(f"{value:.7g}") for value in y), *numbers]


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
