"""Predict new rows with a trained network: CSV with `prediction` and, for classes, the probability of each."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nn_scratch.cli import parser, run_script


def main(arguments):
    from nn_scratch.predict import predict_file
    from nn_scratch.runs.run import Run

    out = Path(arguments.out) if arguments.out else None
    text, notices = predict_file(Run.open(arguments.run), arguments.file, out)
    for notice in notices:
        print(f"note: {notice}", file=sys.stderr)
    if out is None:
        sys.stdout.write(text)
    else:
        print(f"{text.count(chr(10)) - 1:,} predictions written to {out}")


if __name__ == "__main__":
    cli = parser(__doc__, ["example: python script/predict.py digits-001 new_rows.csv --out predictions.csv"])
    cli.add_argument("run", metavar="RUN", help="a run's folder, or its name under outputs/")
    cli.add_argument("file", metavar="FILE", help="rows to predict: .csv, .npz, .npy, or a folder of IDX files")
    cli.add_argument("--out", metavar="F.csv", help="write there instead of to the terminal")
    sys.exit(run_script(main, cli))
