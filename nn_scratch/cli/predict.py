"""Predict new rows with a trained network: `prediction` and, for classes, the probability of each."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from pathlib import Path

from nn_scratch.cli.process import say

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
    cli.add_argument("--strict", action="store_true", help="refuse missing cells and categories not seen in training")


def main(arguments: Namespace) -> None:
    from nn_scratch.experiments.predict import Wanted, predict_to, score_line
    from nn_scratch.runs.run import Run

    wanted = Wanted(strict=arguments.strict, probabilities=arguments.proba is not False, threshold=arguments.threshold)
    out = Path(arguments.out) if arguments.out else None
    predicted = predict_to(Run.open(arguments.run), arguments.file, sys.stdout if out is None else out, wanted)
    for notice in predicted.notices:
        say(f"note: {notice}", sys.stderr)
    if predicted.scores:
        line = score_line(predicted.scores, predicted.scored_rows)
        say(line, sys.stderr if out is None else sys.stdout)
    if out is not None:
        say(f"{predicted.rows:,} predictions written to {out}")
