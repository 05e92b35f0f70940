"""What is known of a row only because its target is: found in the run and in the table, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.config.resolve import load_config
from nn_scratch.doctor import Finding, diagnose
from nn_scratch.doctor.table_checks import examine_file
from nn_scratch.experiments.train import train

NAMES = ["a", "b", "c", "d"]


def features(n: int = 600, seed: int = 0) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """A generator, four columns, and a class that the first of them says something of."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return rng, X, (X[:, 0] + rng.normal(size=n) > 0).astype(int)


def untouched() -> tuple[list[str], list[np.ndarray], np.ndarray]:
    _, X, y = features()
    return NAMES, [*X.T], y


def interval() -> tuple[list[str], list[np.ndarray], np.ndarray]:
    """A column that is between 2 and 3 exactly where the class is 1: no correlation tells."""
    rng, X, y = features()
    z = np.where(y == 1, rng.uniform(2, 3, len(y)), rng.choice([1.0, 4.0], len(y)) + rng.uniform(0, 0.5, len(y)))
    return ["z", *NAMES], [z, *X.T], y


def category() -> tuple[list[str], list[np.ndarray], np.ndarray]:
    """Twelve words, six for each class."""
    rng, X, y = features()
    words = np.array(
        [f"word {chr(97 + 2 * k + label)}" for k, label in zip(rng.integers(0, 6, len(y)), y, strict=True)]
    )
    return ["z", *NAMES], [words, *X.T], y


def pair() -> tuple[list[str], list[np.ndarray], np.ndarray]:
    """Two columns whose difference is the class; either alone says nothing."""
    rng, X, y = features()
    p = rng.normal(size=len(y))
    return ["p", "q", *NAMES], [p, p + y, *X.T], y


def row_numbers() -> tuple[list[str], list[np.ndarray], np.ndarray]:
    """Rows sorted by class, and counted."""
    _, X, y = features()
    order = np.argsort(y, kind="stable")
    return ["entry", *NAMES], [np.arange(len(y)), *X[order].T], y[order]


def times() -> tuple[list[str], list[np.ndarray], np.ndarray]:
    """A quantity that wanders as time goes on."""
    rng, X, _ = features()
    return ["t", *NAMES], [np.cumsum(rng.uniform(0.1, 1, len(X))), *X.T], np.cumsum(rng.normal(size=len(X)))


def written(path: Path, names: list[str], columns: list[np.ndarray], y: np.ndarray) -> Path:
    rows = zip(*(column.tolist() for column in columns), y.tolist(), strict=True)
    lines = [",".join([*names, "y"]), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def leaks(findings: list[Finding]) -> list[tuple[str, str, object]]:
    return [
        (finding.rule, finding.severity, finding.patches[0].set if finding.patches else {})
        for finding in findings
        if finding.rule in ("leakage", "time_order")
    ]


LEAKS = {
    untouched: None,
    interval: ["z"],
    category: ["z"],
    pair: ["p", "q"],
    row_numbers: ["entry"],
}


@pytest.mark.parametrize("make", LEAKS, ids=lambda make: make.__name__)
def test_columns_that_give_the_target_away_are_critical_in_run_and_table(make, tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", *make())
    expected = [] if LEAKS[make] is None else [("leakage", "critical", {"data.ignore": LEAKS[make]})]
    assert leaks(examine_file(str(path)).findings) == expected
    layers = "layers=[{type: dense, units: 32, activation: tanh}]"
    run = train(load_config(None, [f"data.source={path}", layers, "train.epochs=60", "diagnose.budget=0"]), tmp_path)
    found = list(diagnose(run).findings)
    assert leaks(found) == expected
    if expected:
        assert found[0].rule == "leakage"


def test_time_is_reported_with_what_later_rows_are_predicted_with(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", *times())
    assert ("time_order", "warning", {"data.shuffle": False}) in leaks(examine_file(str(path)).findings)
    run = train(load_config(None, [f"data.source={path}", "train.epochs=20", "diagnose.budget=0"]), tmp_path)
    (found,) = [finding for finding in diagnose(run).findings if finding.rule == "leakage"]
    assert (found.severity, found.patches[0].set) == ("warning", {"data.shuffle": False})
    assert found.evidence["later"] < found.evidence["random"] - 0.05


@pytest.mark.parametrize("name", ["t.npy", "t.npz"])
def test_a_copy_in_an_array_is_critical_where_leaving_it_out_confirms_it(name: str, tmp_path: Path) -> None:
    rng, X, y = features()
    told = y + 0.02 * rng.normal(size=len(y))
    if name == "t.npy":
        np.save(tmp_path / name, np.column_stack([told, X, y]))
    else:
        np.savez(tmp_path / name, X=np.column_stack([told, X]), y=y)
    config = load_config(None, [f"data.source={tmp_path / name}", "train.epochs=20", "diagnose.budget=0"])
    first = diagnose(train(config, tmp_path)).findings[0]
    assert (first.rule, first.severity, first.evidence["column"]) == ("leakage", "critical", "x1")


def test_a_column_of_an_array_that_tells_the_target_without_being_a_copy_is_a_warning(tmp_path: Path) -> None:
    _, columns, y = interval()
    np.savez(tmp_path / "t.npz", X=np.column_stack(columns), y=y)
    config = load_config(None, [f"data.source={tmp_path / 't.npz'}", "train.epochs=20", "diagnose.budget=0"])
    (found,) = [finding for finding in diagnose(train(config, tmp_path)).findings if finding.rule == "leakage"]
    assert (found.severity, found.evidence["columns"]) == ("warning", ["x1"])
