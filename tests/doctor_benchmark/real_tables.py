"""Real tables: a folder of CSV files (.csv or .csv.gz) with a manifest.json, {name: {"target": column, ...}}.

Three kinds of runs with the default config: untouched tables (a table called sick is a false alarm unless a patch of
its own gains 5 points on new seeds), copies of the target put in as a column (exact, and with noise of 2 % of its
range), and faults planted in the config, of which those count that cost 5 points on the table.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.doctor import Diagnosis, diagnose
from nn_scratch.errors import UserError
from nn_scratch.experiments.parallel import QUIET, train_or_diverged
from tests.doctor_benchmark.measures import Share
from tests.doctor_benchmark.reliability import Statement
from tests.doctor_benchmark.training import score

WORTH = 0.05  # points that a fault costs, and a patch has to gain, to count
NOISE = 0.02  # of the target's range
NEW_SEEDS = (101, 102, 103)
MOST_CELLS = 4_000_000  # of a table; of a larger one the first rows of a random order

DENSE = {"type": "dense", "units": 32, "activation": "sigmoid"}
FAULTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "rate far too high": ({"optimizer": {"type": "sgd", "lr": 30.0}}, ("lr_too_high", "exploding_gradient")),
    "rate far too low": ({"optimizer.lr": 1e-6}, ("lr_too_low",)),
    "all weights zero": ({"layers": [{"type": "dense", "units": 64, "init": "zeros"}]}, ("constant_init",)),
    "weights too large": (
        {"layers": [{"type": "dense", "units": 64, "init": {"type": "normal", "std": 30.0}}]},
        ("init_too_large", "exploding_gradient", "saturated"),
    ),
    "ten sigmoid layers": (
        {"layers": [DENSE] * 10, "optimizer": {"type": "sgd", "lr": 0.1}},
        ("vanishing_gradient", "init_too_small"),
    ),
    "penalty too strong": ({"regularize.l2": 1.0}, ("over_regularized",)),
    "one unit": ({"layers": [{"type": "dense", "units": 1}]}, ("underfit",)),
    "frozen": (
        {"layers": [{"type": "dense", "units": 4, "trainable": False}]},
        ("frozen_layer",),
    ),
    "softmax before the loss": ({"output.activation": "softmax", "loss": "mse"}, ("wrong_loss_output",)),
}


@dataclass(frozen=True)
class Examined:
    """One training on a table and what the doctor said of it; `right`: whether that is true, None where it is open."""

    table: str
    kind: str
    verdict: str
    first: str | None
    confidence: float
    right: bool | None


@dataclass
class Found:
    """What was found on all tables."""

    runs: list[Examined] = field(default_factory=list)

    def share(self, prefix: str) -> Share:
        these = [run for run in self.runs if run.kind.startswith(prefix)]
        return Share(sum(bool(run.right) for run in these), len(these))

    @property
    def false_alarms(self) -> Share:
        these = [run for run in self.runs if run.kind == "untouched"]
        return Share(sum(run.verdict == "sick" and not run.right for run in these), len(these))

    def figures(self) -> dict[str, Share]:
        return {
            "untouched tables called sick without cause": self.false_alarms,
            "copied target found first, as critical": self.share("copy"),
            "planted faults, cause named first": self.share("fault"),
        }

    def statements(self) -> list[Statement]:
        return [Statement(run.confidence, bool(run.right)) for run in self.runs if run.verdict == "sick"]


def measured(folder: Path, seeds: Sequence[int], only: str = "", told: Any = print) -> Found:
    """Train and diagnose on every table of the folder."""
    if not (folder / "manifest.json").exists():
        raise UserError(f"{folder}: no folder of tables; it has to hold manifest.json")
    manifest = json.loads((folder / "manifest.json").read_text())
    wanted = [name for name in only.split(",") if name] or list(manifest)
    found = Found()
    with tempfile.TemporaryDirectory(prefix="tables-") as scratch:
        for name in wanted:
            for run in examined(folder, name, manifest[name], seeds, Path(scratch)):
                found.runs.append(run)
                told(f"  {run.table}, {run.kind}: {run.verdict} {run.first or ''} {'right' if run.right else ''}")
    return found


def examined(
    folder: Path, name: str, entry: Mapping[str, Any], seeds: Sequence[int], scratch: Path
) -> Iterator[Examined]:
    header, rows, target = read(folder, name, entry)
    plain = written(scratch / f"{name}.csv", header, rows)
    base = default_config(plain, entry)
    for seed in seeds:
        yield untouched(name, with_seed(base, seed), scratch)
    for kind, noise in (("copy, exact", 0.0), ("copy, noisy", NOISE)):
        copied = written(scratch / f"{name}-copy.csv", ["told", *header], with_copy(rows, target, noise))
        said = diagnosed(with_seed(default_config(copied, entry), seeds[0]), scratch)
        first = said.findings[0] if said.findings else None
        right = first is not None and first.rule == "leakage" and first.severity == "critical"
        yield concluded(name, kind, said, right)
    healthy = mean_score(base)
    for kind, (changes, rules) in FAULTS.items():
        try:
            faulty = change_config(base, changes)
            harm = healthy - mean_score(faulty)
        except UserError:  # a loss or an output that the task does not take
            continue
        if harm >= WORTH:
            said = diagnosed(with_seed(faulty, seeds[0]), scratch)
            named = said.findings[0].rule if said.verdict == "sick" else None
            yield concluded(name, f"fault: {kind}", said, named in rules)


def untouched(name: str, config: Config, scratch: Path) -> Examined:
    """The default run; where it is called sick, whether one of the patches gains WORTH on new seeds."""
    said = diagnosed(config, scratch)
    right = None
    if said.verdict == "sick":
        patches = [patch.set for finding in said.findings for patch in finding.patches][:3]
        before = mean_score(config)
        right = any(gain_of(config, patch, before) >= WORTH for patch in patches)
    return concluded(name, "untouched", said, right)


def concluded(name: str, kind: str, said: Diagnosis, right: bool | None) -> Examined:
    first = said.findings[0] if said.findings and said.verdict == "sick" else None
    return Examined(name, kind, said.verdict, first and first.rule, first.confidence if first else 0.0, right)


def gain_of(config: Config, patch: Mapping[str, Any], before: float) -> float:
    try:
        return mean_score(change_config(config, patch)) - before
    except UserError:
        return 0.0


def mean_score(config: Config) -> float:
    """Of val and test together by their rows, over new seeds."""
    scores = [score(with_seed(config, seed)) for seed in NEW_SEEDS]
    return float(np.mean([0.5 * (one.val + one.test) for one in scores]))


def diagnosed(config: Config, scratch: Path) -> Diagnosis:
    return diagnose(train_or_diverged(change_config(config, QUIET), scratch / "runs"))


def with_seed(config: Config, seed: int) -> Config:
    return change_config(config, {"seed": seed})


# --- tables


def default_config(path: Path, entry: Mapping[str, Any]) -> Config:
    """The default config on a table, with what the manifest says that the table needs: ["data.ignore=[id]"]."""
    from nn_scratch.config.resolve import override_config

    base = config_from({"name": "table", "data": {"source": str(path), "target": entry["target"]}})
    return override_config(base, [need for need in entry.get("today_needs", ()) if "data.missing" not in need])


def read(folder: Path, name: str, entry: Mapping[str, Any]) -> tuple[list[str], list[list[str]], int]:
    """The header, the rows (of a large table some), and which column is the target."""
    path = folder / f"{name}.csv"
    text = path.read_text() if path.exists() else gzip.decompress((folder / f"{name}.csv.gz").read_bytes()).decode()
    header, *rows = list(csv.reader(io.StringIO(text)))
    most = max(500, MOST_CELLS // len(header))
    if len(rows) > most:
        rows = [rows[i] for i in sorted(np.random.default_rng(0).permutation(len(rows))[:most].tolist())]
    return header, rows, header.index(entry["target"])


def with_copy(rows: Sequence[Sequence[str]], target: int, noise: float) -> list[list[str]]:
    """The rows with the target's values (of text its number among the values) as the first column, and noise."""
    words = [row[target] for row in rows]
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        known = sorted(set(words))
        values = np.array([float(known.index(word)) for word in words])
    values = values + noise * np.ptp(values) * np.random.default_rng(1).normal(size=len(values))
    return [[f"{value:.6g}", *row] for value, row in zip(values, rows, strict=True)]


def written(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path
