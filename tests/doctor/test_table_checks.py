"""What the data doctor says of a table before anything is trained on it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.doctor.table_checks import examine_file

Rows = list[list[object]]


def rows(n: int = 240, seed: int = 0) -> Rows:
    """Two features that tell two classes apart, and the class, in random order."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 2)) + 4 * y[:, np.newaxis]
    return [[f"{a:.4f}", f"{b:.4f}", "ab"[k]] for (a, b), k in zip(X, y, strict=True)]


def write(path: Path, header: Sequence[str], body: Rows) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(body)
    return str(path)


def found(tmp_path: Path, header: Sequence[str], body: Rows) -> set[str]:
    return {finding.rule for finding in examine_file(write(tmp_path / "table.csv", header, body))[0]}


HEADER = ("x", "y", "kind")


def test_a_good_table_has_nothing_wrong(tmp_path: Path) -> None:
    assert found(tmp_path, HEADER, rows()) == set()


def column(values: Callable[[int, object], object]) -> Callable[[Rows], tuple[tuple[str, ...], Rows]]:
    """Put a column before the others: its values by row number and class."""
    return lambda body: (("extra", *HEADER), [[values(i, row[-1]), *row] for i, row in enumerate(body)])


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (column(lambda i, kind: i), "identifier"),
        (column(lambda i, kind: 7), "constant_column"),
        (column(lambda i, kind: 1e6 * (i * 37 % 100)), "unscaled_inputs"),
        (column(lambda i, kind: "" if i % 10 == 0 else i * 37 % 11), "missing_values"),
        (lambda body: (HEADER, sorted(body, key=lambda row: str(row[-1]))), "sorted_data"),
        (lambda body: (HEADER, body + body[:120]), "leakage"),
        (
            lambda body: (HEADER, [row for i, row in enumerate(body) if row[-1] == "a" or i % 40 == 0]),
            "class_imbalance",
        ),
        (
            lambda body: (HEADER, [[*row[:-1], "ab"[(row[-1] == "a") ^ (i % 5 == 0)]] for i, row in enumerate(body)]),
            "label_noise",
        ),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, spoil: Callable[[Rows], tuple[tuple[str, ...], Rows]], rule: str
) -> None:
    assert rule in found(tmp_path, *spoil(rows()))


def test_a_feature_that_gives_the_target_away_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    body: Rows = [[f"{rng.normal():.3f}", f"{rng.normal():.3f}", int(k), "ab"[k]] for k in rng.integers(0, 2, 240)]
    findings, _ = examine_file(write(tmp_path / "t.csv", ("x", "y", "refund", "kind"), body))
    first = findings[0]
    assert (first.rule, first.severity) == ("leakage", "critical")
    assert first.because.startswith("'refund' alone predicts the target (1.000; all others together 0.")
    assert first.patches[0].set == {"data.ignore": ["refund"]}


def test_suspects_are_listed_by_their_rows_in_the_file(tmp_path: Path) -> None:
    body = rows()
    wrong = [20, 60, 100, 140, 180, 220, *range(5, 240, 12)]
    for row in wrong:
        body[row][-1] = "b" if body[row][-1] == "a" else "a"
    findings, _ = examine_file(write(tmp_path / "t.csv", HEADER, body))
    said = next(finding for finding in findings if finding.rule == "label_noise").because
    listed = {int(number) - 1 for number in said.split("look at rows ")[1].split(" (")[0].split(", ")}
    assert listed <= set(wrong)
