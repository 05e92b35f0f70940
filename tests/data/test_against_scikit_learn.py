"""Filling, encoding and scaling of a table's columns agree with scikit-learn's transformers on the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nn_scratch.config.resolve import config_from
from nn_scratch.experiments.build import build_data
from nn_scratch.seeding import spawn_generators


def test_numbers_with_gaps_and_words(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    ages = np.round(rng.normal(40, 12, 300), 1)
    incomes = np.round(rng.lognormal(3, 1, 300), 2)
    towns = rng.choice(["Bern", "Oslo", "Rome"], 300)
    labels = rng.choice(["no", "yes"], 300)
    gaps = rng.random(300) < 0.1
    cells = ["" if gap else f"{age}" for gap, age in zip(gaps, ages, strict=True)]
    rows = [",".join(map(str, row)) for row in zip(cells, incomes, towns, labels, strict=True)]
    path = tmp_path / "table.csv"
    path.write_text("age,income,town,bought\n" + "\n".join(rows) + "\n")
    config = config_from({"data": {"source": str(path), "missing": "mean"}, "train": {"dtype": "float64"}})
    data = build_data(config, spawn_generators(0))

    numbers = np.column_stack([np.where(gaps, np.nan, ages), incomes])
    table = np.column_stack([numbers.astype(object), towns.astype(object)])
    theirs = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="mean"), StandardScaler()), [0, 1]),
            ("words", make_pipeline(OneHotEncoder(sparse_output=False), StandardScaler()), [2]),
        ]
    ).fit(table[data.train.rows])
    for part in (data.train, data.val, data.test):
        expected = theirs.transform(table[part.rows])
        assert part.X.shape == expected.shape
        assert np.allclose(part.X, expected, rtol=0, atol=1e-9)
