"""`python -m tests.doctor_benchmark.calibrate`: fit what a suspicion's figures say of its being right.

Writes nn_scratch/doctor/calibration.json: the weights of the terms of `nn_scratch.doctor.severity.terms`, an offset a
rule, the map from score to confidence, and how far the cost has to be above the threshold for `critical`.

Suspicions come from runs whose truth is known: the generator's dev cases, on which the score is fitted, and its
validation cases, on which it is mapped to the share of right ones; further runs (of real tables, of real programs) by
`--runs FILE`, a list of {"run": folder, "right": [rules], "group": what belongs together}, of whose groups two thirds
are fitted on and the last third is mapped on. The reported part is not read.

A logistic loss with an L1 penalty on the rules' offsets and an L2 penalty on the weights, both chosen by
cross-validation; the weights' signs are fixed: more evidence never makes a suspicion less likely, a rival explanation
never more. `--rows FILE` keeps the measured terms, so
that fitting again takes a second.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.doctor.counterfactual import Counterfactuals
from nn_scratch.doctor.diagnose import LIKELIEST, rival_of, suspected, tested
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.rule import load_rules
from nn_scratch.doctor.severity import CALIBRATION, Stakes, terms
from nn_scratch.runs.run import Run
from tests.doctor_benchmark.case import load
from tests.doctor_benchmark.generate import path_of
from tests.doctor_benchmark.training import logged_run, planted

Array = NDArray[Any]

SIGNS = {"rival": -1, "nothing_gained": -1, "harmed": -1}  # of the other terms: 1
PENALTIES = tuple(product((0.001, 0.005, 0.02, 0.04), (0.0005, 0.002, 0.008, 0.03)))  # L1, L2; of the mean loss
FOLDS = 5  # of the runs that are fitted on, by which the penalties are chosen
CRITICAL = 0.5  # rather right than wrong
INTERVALS = (0.25, 0.5, 0.84, 1.0, 1.28, 1.6449)  # standard errors: 60 to 95 % one-sided
ALARM_COST = 5.0  # missed faults that one false alarm is worth


@dataclass(frozen=True)
class Row:
    """One suspicion of one run."""

    run: str
    fit: bool  # fitted on, else mapped on
    rule: str
    right: bool
    harmful: bool  # whether the run has a harmful fault at all
    certain: bool
    may_be_critical: bool
    terms: Mapping[str, float]
    strength: float
    far_behind: bool  # of the run: as `best_explanation` asks
    stakes: Mapping[str, Any]  # of severity.Stakes


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.doctor_benchmark.calibrate", description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="of the generator's, of dev and a third of validation")
    parser.add_argument("--runs", metavar="FILE", help="further runs whose truth is known")
    parser.add_argument("--rows", metavar="FILE", help="keep the measured terms here, and read them if they are there")
    parser.add_argument("--dry-run", action="store_true", help="print, and write nothing")
    options = parser.parse_args(arguments)
    kept = Path(options.rows) if options.rows else None
    if kept is not None and kept.exists():
        rows = [Row(**entry) for entry in json.loads(kept.read_text(encoding="utf-8"))]
    else:
        rows = [*of_cases(options.cases), *of_runs(options.runs)]
        if kept is not None:
            kept.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
    fitted = fit(rows)
    print(report(rows, fitted))
    if not options.dry_run:
        CALIBRATION.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    return 0


# --- measuring


def of_cases(count: int) -> Iterator[Row]:
    for part, most in (("dev", count), ("validation", count // 3)):
        cases = [case for seed in range(1, 5) for case in load(path_of(part, seed))]
        for case in cases[:: max(1, len(cases) // max(1, most))]:
            with tempfile.TemporaryDirectory(prefix="calibrate-") as folder, planted(case.wrong_gradient):
                right = case.rules if case.kind == "fault" else ()
                yield from rows_of(logged_run(case, Path(folder)), right, case.id, part == "dev")


def of_runs(path: str | None) -> Iterator[Row]:
    for entry in json.loads(Path(path).read_text(encoding="utf-8")) if path else []:
        first = zlib.crc32(entry["group"].encode()) % 3 < 2
        with planted(entry.get("wrong_gradient")):
            yield from rows_of(Run(Path(entry["run"])), entry["right"], entry["run"], entry.get("fit", first))


def rows_of(run: Run, right: Iterable[str], name: str, fit: bool) -> Iterator[Row]:
    """A row for each suspicion of a run."""
    load_rules()
    right = set(right)
    with np.errstate(all="ignore"):
        case = Case(run)
        suspicions = suspected(case)
        gains = tested(case, suspicions, Counterfactuals(run))
        for one in suspicions:
            gain = gains.get(one.rule)
            yield Row(
                name,
                fit,
                one.rule,
                one.rule in right,
                bool(right),
                one.certain,
                one.most == "critical",
                terms(case, one, rival_of(one, suspicions), gain),
                one.strength,
                case.far_behind,
                asdict(Stakes.of(case, one, gain)),
            )


# --- fitting


def fit(rows: Sequence[Row]) -> dict[str, Any]:
    """What calibration.json holds."""
    doubtful = [row for row in rows if not row.certain]
    fitted_on = [row for row in doubtful if row.fit]
    names, rules = list(doubtful[0].terms), sorted({row.rule for row in fitted_on})
    penalties = cross_validated(fitted_on, names, rules)
    weights, intercept, offsets = logistic(fitted_on, names, rules, *penalties)
    found: dict[str, Any] = {
        "about": "written by python -m tests.doctor_benchmark.calibrate",
        "weights": {name: round(float(w), 3) for name, w in zip(names, weights, strict=True)},
        "intercept": round(intercept, 3),
        "penalties": list(penalties),
        "rules": {rule: round(float(o), 3) for rule, o in zip(rules, offsets, strict=True) if abs(o) > 5e-4},
    }
    mapped_on = [row for row in doubtful if not row.fit] or fitted_on
    slope, offset = platt(found, mapped_on)
    found |= {"slope": round(slope, 3), "offset": round(offset, 3), "critical": CRITICAL}
    found["interval"] = min(INTERVALS, key=lambda z: (lost(rows, {**found, "interval": z}), -z))
    return found


def cross_validated(rows: Sequence[Row], names: list[str], rules: list[str]) -> tuple[float, float]:
    """L1 and L2 by the log loss on runs that were not fitted on, each run weighing the same: the strongest of those
    within one standard error of the best (Breiman et al. 1984), because the generator's shares of faults are its own.
    """
    fold_of = {run: zlib.crc32(run.encode()) % FOLDS for run in {row.run for row in rows}}
    held = [[row for row in rows if fold_of[row.run] == fold] for fold in range(FOLDS)]
    rest = [[row for row in rows if fold_of[row.run] != fold] for fold in range(FOLDS)]
    losses = {
        penalties: [
            log_loss(logistic(fitted, names, rules, *penalties), left_out, names, rules)
            for fitted, left_out in zip(rest, held, strict=True)
        ]
        for penalties in PENALTIES
    }
    best = min(losses, key=lambda penalties: float(np.mean(losses[penalties])))
    limit = np.mean(losses[best]) + np.std(losses[best], ddof=1) / np.sqrt(FOLDS)
    return max(penalties for penalties in PENALTIES if np.mean(losses[penalties]) <= limit)


def log_loss(fitted: tuple[Array, float, Array], rows: Sequence[Row], names: list[str], rules: list[str]) -> float:
    """Mean over runs of the mean log loss of their suspicions."""
    weights, intercept, offsets = fitted
    of_rule = dict(zip(rules, offsets, strict=True))
    by_run: dict[str, list[float]] = {}
    for row in rows:
        z = intercept + of_rule.get(row.rule, 0.0) + float(weights @ [row.terms[name] for name in names])
        by_run.setdefault(row.run, []).append(float(np.logaddexp(0, z) - row.right * z))
    return float(np.mean([np.mean(losses) for losses in by_run.values()]))


def logistic(
    rows: Sequence[Row], names: list[str], rules: list[str], l1: float, l2: float
) -> tuple[Array, float, Array]:
    """Weights, intercept and offsets of the smallest penalized loss; every run weighs the same."""
    from scipy.optimize import minimize

    X = np.array([[row.terms[name] for name in names] for row in rows])
    R = np.array([[row.rule == rule for rule in rules] for row in rows], float)
    y = np.array([row.right for row in rows], float)
    per_run = {name: sum(row.run == name for row in rows) for name in {row.run for row in rows}}
    w = np.array([1.0 / per_run[row.run] for row in rows])
    w /= w.sum()
    d, k = len(names), len(rules)

    def loss(v: Array) -> tuple[float, Array]:
        beta, bias, up, down = v[:d], v[d], v[d + 1 : d + 1 + k], v[d + 1 + k :]
        z = X @ beta + bias + R @ (up - down)
        p = 1 / (1 + np.exp(-z))
        value = float(np.sum(w * (np.logaddexp(0, z) - y * z)) + l2 * beta @ beta + l1 * np.sum(up + down))
        g = w * (p - y)
        return value, np.concatenate([X.T @ g + 2 * l2 * beta, [g.sum()], R.T @ g + l1, -(R.T @ g) + l1])

    signs = [SIGNS.get(name, 1) for name in names]
    bounds = [*((0, None) if sign > 0 else (None, 0) for sign in signs), (None, None), *[(0, None)] * (2 * k)]
    v = minimize(loss, np.zeros(d + 1 + 2 * k), jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 5000}).x
    return v[:d], float(v[d]), v[d + 1 : d + 1 + k] - v[d + 1 + k :]


def score(found: Mapping[str, Any], row: Row) -> float:
    total = found["intercept"] + found["rules"].get(row.rule, 0.0)
    return float(total + sum(weight * row.terms[name] for name, weight in found["weights"].items()))


def platt(found: Mapping[str, Any], rows: Sequence[Row]) -> tuple[float, float]:
    """Slope and offset of the logistic that maps the score to the share of right ones (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    X = np.array([[score(found, row)] for row in rows])
    model = LogisticRegression(C=10.0).fit(X, [row.right for row in rows])
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def confidence(found: Mapping[str, Any], row: Row) -> float:
    return 0.97 if row.certain else float(1 / (1 + np.exp(-found["slope"] * score(found, row) - found["offset"])))


def sick(rows: Iterable[Row], found: Mapping[str, Any]) -> set[str]:
    """The runs that have a critical finding, as `severity_of` and `best_explanation` decide."""
    return {row.run for row in rows if row.may_be_critical and critical(found, row)}


def critical(found: Mapping[str, Any], row: Row) -> bool:
    if row.certain:
        return True
    grave = Stakes(**row.stakes).grave(confidence(found, row), found["critical"], found["interval"])
    return grave or (row.far_behind and row.strength >= LIKELIEST)


def lost(rows: Sequence[Row], found: Mapping[str, Any]) -> float:
    """Missed faults and, at ALARM_COST each, false alarms."""
    named = sick(rows, found)
    harmful = {row.run: row.harmful for row in rows}
    return sum(
        ALARM_COST if name in named and not bad else float(bad and name not in named) for name, bad in harmful.items()
    )


def report(rows: Sequence[Row], found: Mapping[str, Any]) -> str:
    harmful = {row.run: row.harmful for row in rows}
    named = sick(rows, found)
    lines = [
        f"{len(rows)} suspicions of {len(harmful)} runs, {sum(harmful.values())} of them harmful",
        f"penalties {found['penalties']}, lower end {found['interval']} standard errors below the mean",
        f"called sick: {sum(harmful[name] for name in named)} harmful, "
        f"{sum(not harmful[name] for name in named)} others",
        "confidence stated, suspicions, share right (those that were not fitted on):",
    ]
    held = [row for row in rows if not row.fit]
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        these = [row for row in held if low <= confidence(found, row) < high]
        share = np.mean([row.right for row in these]) if these else float("nan")
        lines.append(f"  {low:.0%} to {min(high, 1.0):.0%}: {len(these)}, {share:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
