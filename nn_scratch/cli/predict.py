"""Predict new rows with a trained network: CSV with `prediction` and, for classes, the probability of each."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from pathlib import Path

from nn_scratch.cli.process import say

EXAMPLES = ("example: python script/predict.py digits-001 new_rows.csv --out predictions.csv",)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("run", metavar="RUN", help="a run's folder, or its name under outputs/")
    cli.add_argument("file", metavar="FILE", help="rows to predict: .csv, .npz, .npy, or a folder of IDX files")
    cli.add_argument("--out", metavar="F.csv", help="write there instead of to the terminal")


def main(arguments: Namespace) -> None:
    from nn_scratch.experiments.predict import predict_file
    from nn_scratch.runs.run import Run

    out = Path(arguments.out) if arguments.out else None
    text, notices = predict_file(Run.open(arguments.run), arguments.file, out)
    for notice in notices:
        say(f"note: {notice}", sys.stderr)
    if out is None:
        sys.stdout.write(text)
    else:
        say(f"{text.count(chr(10)) - 1:,} predictions written to {out}")
