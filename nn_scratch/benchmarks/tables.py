"""Test scores on a folder of tables: the config that `init` writes, the default config, and scikit-learn's MLP.

All three learn from the same training rows and are scored on the same test rows, the split changing with the seed.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.data.formats import has_named_columns
from nn_scratch.data.table import Table
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import Built, build, read_source
from nn_scratch.experiments.table_config import settings_for, weights_for
from nn_scratch.metrics import Array, regression_scores
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.observers import Observer

CONTENDERS = ("init", "default", "scikit_learn")
INTERVAL = 0.95


def measure(
    *, repeats: int = 5, folder: str, names: list[str] | None = None, contenders: tuple[str, ...] = CONTENDERS
) -> dict[str, Any]:
    """Scores (accuracy; R² of quantities) of all tables of a folder with the seeds 1 to `repeats`.

    manifest.json in the folder may say the target of each table: {"name": {"target": "column"}}; else it is the last
    column.
    """
    results = []
    for name, path, target in tables_of(Path(folder)):
        if names and name not in names:
            continue
        scores = [one_seed(path, target, seed, contenders) for seed in range(1, repeats + 1)]
        results.append({"table": name, **{key: [score[key] for score in scores] for key in scores[0]}})
    if not results:
        raise UserError(f"{folder}: no tables in it; the files are tables such as .csv, .csv.gz or .parquet")
    return {"seeds": repeats, "contenders": list(contenders), "results": results}


def tables_of(folder: Path) -> Iterator[tuple[str, Path, str | None]]:
    """Name, path and target of each table of a folder."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no folder; name one that holds tables")
    manifest = folder / "manifest.json"
    targets: Mapping[str, Any] = json.loads(manifest.read_text()) if manifest.is_file() else {}
    for path in sorted(folder.iterdir()):
        name = path.name.split(".")[0]
        if path.is_file() and has_named_columns(path):
            yield name, path, targets.get(name, {}).get("target")


def one_seed(path: Path, target: str | None, seed: int, contenders: tuple[str, ...]) -> dict[str, float]:
    from threadpoolctl import threadpool_limits

    config = config_from({"seed": seed, "data": {"source": str(path.absolute()), "target": target}})
    table = read_source(config, spawn_generators(seed))
    found: dict[str, float] = {}
    with threadpool_limits(limits=1), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # that scikit-learn's stops at its last epoch
        built = build(config_of_init(config, table))
        if "init" in contenders:
            found["init"] = score_of(trained(built))
        if "default" in contenders:
            found["default"] = score_of(trained(build(default_of(config), built.data)))
        if "scikit_learn" in contenders:
            found["scikit_learn"] = score_of_scikit_learn(table, built, seed)
    return found


def config_of_init(config: Config, table: Table) -> Config:
    """The config that `init` writes for this table."""
    settings = settings_for(round(0.7 * len(table.X)))
    return change_config(config, {**settings.overrides(), "class_weight": weights_for(table)})


def default_of(config: Config) -> Config:
    """The network and the training of the default config on this table."""
    from nn_scratch.config.resolve import load_config

    default = load_config(None, [])
    return change_config(default, {"seed": config.seed, "data": config.data.model_dump()})


def trained(built: Built) -> Built:
    built.trainer.run(Observer())
    built.trainer.settle()
    return built


def score_of(built: Built) -> float:
    scores = built.evaluator(built.data.test)()
    return float(scores["accuracy" if built.data.class_names else "r2"])


def score_of_scikit_learn(table: Table, built: Built, seed: int) -> float:
    """MLPClassifier or MLPRegressor as they come, behind an imputer, one-hot encoding and scaling."""
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    text = [j for j, column in enumerate(table.columns) if column.kind == "text"]
    numbers = [j for j, column in enumerate(table.columns) if column.kind != "text"]
    prepared = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("text", OneHotEncoder(handle_unknown="ignore"), text),
        ]
    )
    train, test = built.data.train.rows, built.data.test.rows
    X, y = np.asarray(table.X, np.float64), table.y
    if table.task == "classification":
        model: Any = make_pipeline(prepared, MLPClassifier(random_state=seed)).fit(X[train], y[train])
        return float(np.mean(model.predict(X[test]) == y[test]))
    regressor = TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())
    model = make_pipeline(prepared, regressor).fit(X[train], y[train])
    return regression_scores(y[test], np.asarray(model.predict(X[test])).reshape(len(test), -1))["r2"]


# ---- the report ----


def interval(differences: Array) -> tuple[float, float]:
    """Mean of paired differences and half the width of its interval (Student's t); 0 for a single pair."""
    from scipy.stats import t

    n = len(differences)
    if n < 2:
        return float(differences.mean()), 0.0
    error = differences.std(ddof=1) / np.sqrt(n)
    return float(differences.mean()), float(error * t.ppf((1 + INTERVAL) / 2, n - 1))


def table(result: dict[str, Any]) -> str:
    others = [name for name in result["contenders"] if name != "init"]
    lines = [
        f"Mean test score over {result['seeds']} seeds (accuracy; R² of quantities), in per cent; differences of pairs "
        f"with {INTERVAL:.0%} intervals",
        "",
        f"| table | init | {' | '.join(f'{name} | init less {name}' for name in others)} |".replace("_", "-"),
        "|---" * (2 + 2 * len(others)) + "|",
    ]
    means: dict[str, list[float]] = {name: [] for name in others}
    for row in result["results"]:
        cells = [f"{100 * np.mean(row['init']):.1f}"]
        for name in others:
            mean, half = interval(100 * (np.array(row["init"]) - np.array(row[name])))
            means[name].append(mean)
            mark = " behind" if mean + half < 0 else " ahead" if mean - half > 0 else ""
            cells += [f"{100 * np.mean(row[name]):.1f}", f"{mean:+.1f} ± {half:.1f}{mark}"]
        lines.append(f"| {row['table']} | {' | '.join(cells)} |")
    cells = [""]
    for name in others:
        mean, half = interval(np.array(means[name]))
        cells += ["", f"{mean:+.2f} ± {half:.2f}"]
    lines.append(f"| mean of {len(result['results'])} tables | {' | '.join(cells)} |")
    return "\n".join(lines)
