"""The data doctor: what is wrong with a table before anything is trained on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.data.card import alike_by_chance
from nn_scratch.data.order import label_order, value_order
from nn_scratch.data.prepare import Data, prepare
from nn_scratch.data.table import Table
from nn_scratch.data.tables import load_table
from nn_scratch.doctor.diagnosis import Finding, Patch
from nn_scratch.seeding import spawn_generators

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}  # the config's own defaults
IDENTIFIER = re.compile(r"(^|[_\s.-])(id|ids|index|idx|nr|no|number|key|uuid|row)$|^unnamed", re.IGNORECASE)
ALONE = 0.98  # the score of one feature by itself from which it gives the target away
LISTED = 10
FEW = 20  # rows of a class too few to tell chance from rule
MOSTLY = 0.8  # share of the rows with a value of their own from which a column may be an identifier


def examine_file(path: str, target: str | None = None) -> tuple[list[Finding], str]:
    """The findings on a file, the gravest first, and a line that says what it holds."""
    generators = spawn_generators(0)
    table = load_table(path, target=target, missing="auto", rng=generators["source"])
    findings = sorted(examine(table), key=lambda finding: ("critical", "warning", "info").index(finding.severity))
    what = f"{len(table.class_names)} classes" if table.class_names else "a number"
    return findings, (
        f"{table.origin}: {len(table.X):,} rows, {len(table.columns):,} columns; "
        f"target {table.target_name} ({what}; {table.task_rule or table.task})"
    )


def examine(table: Table) -> Iterator[Finding]:
    """What is wrong with a table, or worth knowing; split as the config's defaults split."""
    yield from missing_values(table)
    yield from identifiers(table)
    data = prepare(
        replace(table, missing="auto"),
        split=SHARES,
        shuffle=True,
        stratify=True,
        scale="standard",
        target_scale="standard",
        rng=spawn_generators(0)["split"],
        dtype=np.float64,
    )
    yield from order_of_rows(table)
    yield from columns(data)
    yield from copies(data)
    if table.task == "classification":
        yield from balance(data)
        yield from labels(table, data)
    yield from giveaway(data)


def finding(rule: str, severity: str, because: str, *patches: Patch, **evidence: object) -> Finding:
    return Finding(
        rule,
        severity,  # type: ignore[arg-type]
        0.9,
        "data",
        because,
        evidence=evidence,
        patches=patches,
        source="the table itself",
    )


def missing_values(table: Table) -> Iterator[Finding]:
    gaps = np.isnan(np.asarray(table.X, np.float64)).sum(axis=0)
    if gaps.any():
        worst = int(gaps.argmax())
        yield finding(
            "missing_values",
            "warning",
            f"{np.count_nonzero(gaps)} of {len(gaps)} columns have missing values, most in "
            f"{table.feature_names[worst]!r} ({gaps[worst]} of {len(table.X)} rows)",
            Patch({"data.missing": "auto"}, "missing values are filled in and, where that says something, marked"),
            missing=int(gaps.sum()),
        )


def identifiers(table: Table) -> Iterator[Finding]:
    """Columns that number the rows, or name each of them."""
    found = []
    for j, name in enumerate(table.feature_names):
        values = np.asarray(table.X[:, j], np.float64)
        different = np.unique(values)
        if len(values) < 10 or not np.isfinite(values).all() or len(different) < MOSTLY * len(values):
            continue
        whole = bool((values == np.round(values)).all())
        numbered = whole and bool((np.diff(different) == 1).all()) and bool(np.median(np.abs(np.diff(values))) == 1)
        if numbered or (whole and IDENTIFIER.search(name)):
            found.append(name)
    found += [
        column.name for column in table.columns if len(table.X) >= 10 and len(column.categories) > 0.5 * len(table.X)
    ]
    if found:
        yield finding(
            "identifier",
            "critical" if len(found) == len(table.columns) else "warning",
            f"{', '.join(map(repr, found))} has another value in nearly every row, as an identifier has: a network can "
            "only learn it by heart",
            Patch({"data.ignore": found}, "what numbers the rows tells nothing of rows to come"),
            columns=found,
        )


def order_of_rows(table: Table) -> Iterator[Finding]:
    """Whether rows stand in the order of their target, which matters where nothing mixes them."""
    y = table.y if table.y.ndim == 1 else table.y[:, 0]
    if len(y) < 20:
        return
    if table.task == "classification":
        order = label_order(y)
        in_order = order["runs"] < order["expected_runs"] / 2 and (order["z"] or 0.0) < -5
        evidence: dict[str, object] = {"runs": order["runs"], "expected_runs": order["expected_runs"]}
    else:
        order = value_order(y)
        in_order = (order["correlation"] or 0.0) > 0.5 and order["z"] > 5
        evidence = {"correlation_of_neighbours": order["correlation"]}
    if in_order:
        yield finding(
            "sorted_data",
            "warning",
            "the rows stand in the order of their target: mix them, before the split and in every epoch",
            Patch({"data.shuffle": True, "train.shuffle": True}, "both are the defaults; leave them on"),
            **evidence,
        )


def columns(data: Data) -> Iterator[Finding]:
    summary, statistics = data.card["feature_summary"], data.card["feature_statistics"]
    if summary["constant"]:
        yield finding(
            "constant_column",
            "info",
            f"{summary['constant']} of {data.card['features']} features never change in the training rows "
            f"({', '.join(map(repr, summary['constant_names'][:LISTED]))}): they tell nothing",
            constant=summary["constant"],
        )
    low, high = summary["std_min"], summary["std_max"]
    far = (summary["mean_over_std_max"] or {}).get("value") or 0.0
    if low and (high / low > 100 or abs(far) > 10):
        names = statistics["name"]
        stds = np.array([np.nan if s is None or s == 0 else s for s in statistics["std"]], float)
        yield finding(
            "unscaled_inputs",
            "info",
            f"the features' scales differ: {names[int(np.nanargmax(stds))]!r} varies {high / low:.3g} times as much as "
            f"{names[int(np.nanargmin(stds))]!r}; keep data.scale at standard",
            Patch({"data.scale": "standard"}, "it is the default, and makes them alike"),
            std_ratio=high / low,
            largest_mean_over_std=far,
        )


def copies(data: Data) -> Iterator[Finding]:
    found = data.card["duplicates"]
    leaked = found["val_in_train"] + found["test_in_train"]
    held = len(data.val) + len(data.test)
    if leaked > 0.02 * held and leaked >= 3 and not alike_by_chance(found):
        yield finding(
            "leakage",
            "critical" if leaked > 0.2 * held else "warning",
            f"rows stand in the table more than once: with a random split {leaked} of {held} held-out rows are known "
            "from training, and the score measures memory; keep one of each",
            leaked=leaked,
            held_rows=held,
        )
    if found["conflicting"] and data.class_names:
        yield finding(
            "conflicting_rows",
            "warning",
            f"{found['conflicting']} rows have the same features as a row of another class: nobody can tell them apart",
            rows=found["conflicting"],
        )


def balance(data: Data) -> Iterator[Finding]:
    counts = np.bincount(data.train.y, minlength=len(data.class_names))
    total = counts + np.bincount(data.val.y, minlength=len(counts)) + np.bincount(data.test.y, minlength=len(counts))
    ratio = total.max() / max(1, total.min())
    rare = data.class_names[int(total.argmin())]
    if ratio > 10:
        yield finding(
            "class_imbalance",
            "warning",
            f"the class {rare!r} has {total.min()} rows, the most frequent one {ratio:.0f} times as many: look at the "
            "balanced accuracy, not at the accuracy",
            Patch({"class_weight": "balanced"}, "rare rows count for more in the loss"),
            counts_ratio=ratio,
        )
    if total.min() < FEW:
        yield finding(
            "few_rows",
            "warning",
            f"the class {rare!r} has {total.min()} rows: too few to learn from and to be judged on",
            rows=int(total.min()),
        )


def labels(table: Table, data: Data) -> Iterator[Finding]:
    """Rows whose label looks wrong: those deep inside another class."""
    found = kernel_ridge_report(data, list_suspects=True)
    overall, certain = 1 - found.get("margin_accuracy", 1.0), found.get("certain_errors", 0.0)
    suspects = found.get("suspects", [])
    if certain > 0.03 and certain > 0.3 * overall and overall < 0.75 * (1 - 1 / len(data.class_names)):
        yield finding(
            "label_noise",
            "critical" if certain > 0.1 else "warning",
            f"about {certain:.0%} of the rows deep inside one class carry the label of another; look at rows "
            f"{', '.join(str(row + 1) for row in suspects[:LISTED])} (counted from 1)",
            certain_errors=certain,
            suspects=len(suspects),
        )


def giveaway(data: Data) -> Iterator[Finding]:
    """One feature that alone predicts the target, and others that do not."""
    from nn_scratch.baselines.simple import best_feature

    best = best_feature(data)
    if best is None or len(data.feature_names) < 2:
        return
    score = best.get("balanced_accuracy", best.get("r2"))
    rarest = np.bincount(data.train.y).min() if data.class_names else len(data.train)
    if score is None or score < ALONE or rarest < FEW:  # of a few rows anything may be true by chance
        return
    without = without_feature(data, data.feature_names.index(best["feature"]))
    if 1 - without > 3 * (1 - score) + 0.03:
        yield finding(
            "leakage",
            "critical",
            f"{best['feature']!r} alone predicts the target ({score:.3f}; all others together {without:.3f}): is it "
            "known before the answer is, or made from it?",
            Patch({"data.ignore": [best["feature"]]}, "a network that leans on the answer knows nothing of new rows"),
            score_alone=score,
            score_without=without,
        )


def without_feature(data: Data, j: int) -> float:
    """What is attainable without one feature."""
    kept = [i for i in range(len(data.feature_names) + 1) if i != j]  # the ones at the end stay
    train, val, test = (replace(part, inputs=part.inputs[:, kept]) for part in (data.train, data.val, data.test))
    return float(kernel_ridge_report(replace(data, train=train, val=val, test=test)).get("pooled") or 0.0)
