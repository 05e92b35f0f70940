"""Small trained runs of every layer, activation, loss and kind of column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch import Model, Run, train

DENSE = {"type": "dense", "units": 12}
SHORT = {"epochs": 4, "batch_size": 16}

TABLE = "size,colour,age,shape,grade\n" + "\n".join(
    f"{i % 17 / 3},{('red', 'dark blue', 'green')[i % 3]},{'' if i % 11 == 3 else 20 + i % 30},"
    f"{('round', 'square')[(i // 2) % 2]},{('good', 'poor', 'so so')[(i % 3 + i % 2) % 3]}"
    for i in range(150)
)


def trained(outputs: Path, source: Any = "iris", **changes: Any) -> Run:
    values = {
        "data": {"source": source},
        "layers": [DENSE, DENSE],
        "train": SHORT,
        "optimizer": {"type": "adam", "lr": 0.03},
    }
    return train(values | changes, outputs=outputs)


def raw_rows(run: Run) -> np.ndarray:
    """The rows of the built-in data set that a run was trained on."""
    from sklearn import datasets

    name = run.config["data"]["source"]
    rows: np.ndarray = getattr(datasets, f"load_{name if isinstance(name, str) else name['type']}")().data
    return rows


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_text(TABLE)
    return path


def expected(run: Run, rows: Any) -> np.ndarray:
    """Probabilities, or values."""
    model = Model.load(run)
    if model.task == "regression":
        return model.predict(rows).reshape(len(rows), -1)
    return model.predict_proba(rows)
