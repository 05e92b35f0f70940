"""Predict new rows with a trained network: `prediction` and, for classes, the probability of each."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from argparse import Namespace
from typing import Any

from nn_scratch.cli.output import plain_stdout
from nn_scratch.cli.process import say
from nn_scratch.cli.slow_steps import announced

EXAMPLES = (
    "examples:",
    "  python script/predict.py digits-001 new_rows.csv --out predictions.csv",
    "  cat new_rows.csv | python script/predict.py digits-001 - --threshold 0.3",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("run", metavar="RUN", help="a run's folder, or its name under outputs/")
    cli.add_argument(
        "file", metavar="FILE", help="rows to predict: any format that data.source takes; - for standard input"
    )
    cli.add_argument("--out", metavar="F", help="write there, as .csv, .jsonl or .parquet, instead of to the terminal")
    cli.add_argument(
        "--proba",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the probability of each class is written beside the prediction (default: for classes)",
    )
    cli.add_argument(
        "--threshold", type=float, metavar="P", help="predict the second of two classes from this probability on"
    )
    cli.add_argument("--outputs", metavar="DIR", help="where runs are (default: outputs/ of the project)")
    cli.add_argument("--strict", action="store_true", help="refuse missing cells and categories not seen in training")


def main(arguments: Namespace) -> dict[str, Any]:
    """Predict, and print the CSV or what was written; returns the document of --json."""
    from nn_scratch.config.project import outputs_folder
    from nn_scratch.experiments.predict import Wanted, predict_to, score_line
    from nn_scratch.paths import expanded
    from nn_scratch.runs.run import Run

    run = Run.open(arguments.run, outputs_folder(arguments.outputs))
    as_json = getattr(arguments, "json", False)
    wanted = Wanted(strict=arguments.strict, probabilities=arguments.proba is not False, threshold=arguments.threshold)
    out = expanded(arguments.out) if arguments.out else None
    text = io.StringIO()
    with plain_stdout(arguments) as stream, announced(arguments):
        predicted = predict_to(run, arguments.file, out or (text if as_json else stream), wanted)
    if not getattr(arguments, "quiet", False):
        for notice in predicted.notices:
            say(f"note: {notice}", sys.stderr)
    if predicted.scores and not getattr(arguments, "quiet", False):
        line = score_line(predicted.scores, predicted.scored_rows)
        say(line, sys.stderr if out is None else sys.stdout)
    if out is not None:
        say(f"{predicted.rows:,} predictions written to {out}")
    classes = run.card["classes"]
    predictions = [
        {name: cell if name == "prediction" and classes else as_number(cell) for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text.getvalue()))
    ]
    return {
        "run": run.name,
        "file": arguments.file,
        "rows": predicted.rows,
        "notices": list(predicted.notices),
        "scores": predicted.scores,
        **({"predictions": predictions} if out is None else {"written": str(out)}),
    }


def as_number(cell: str) -> float | str:
    """A cell of the predictions: a number, or the labels of a row."""
    try:
        return float(cell)
    except ValueError:
        return cell
