"""Checks of a table before anything is trained on it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nn_scratch.baselines.copied_target import copied_target
from nn_scratch.baselines.few_columns import telling_columns
from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.baselines.protocol import main_score, sample_rows, scores
from nn_scratch.baselines.row_order import column_in_row_order
from nn_scratch.config.resolve import config_from, override_config
from nn_scratch.config.schema import Data as DataOptions
from nn_scratch.data.card import alike_by_chance
from nn_scratch.data.column_types import FEWEST_ROWS, MOSTLY, is_identifier
from nn_scratch.data.mapped_rows import on_disk
from nn_scratch.data.order import label_order, value_order
from nn_scratch.data.prepare import Data, Part, prepare
from nn_scratch.data.split import Fold
from nn_scratch.data.table import Table
from nn_scratch.doctor.diagnosis import Finding, Patch
from nn_scratch.doctor.evidence import HARM
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import read_source
from nn_scratch.metrics import Array
from nn_scratch.seeding import spawn_generators
from nn_scratch.wording import plural

PROGRESS = logging.getLogger("nn_scratch.progress")
MOST_SAMPLED = 5_000_000  # values of a table on disk that are examined; bounds memory
NUMBER = re.compile(r"(^|[_\s.-])number$", re.IGNORECASE)  # may be an identifier or a count
LISTED = 10  # names in a message; by hand
MAX_ROWS = 5000  # of which the nearest is sought; bounds time
FEW = 20  # rows of a class too few to tell chance from rule; by hand


@dataclass(frozen=True)
class Examined:
    """The findings on a table."""

    findings: list[Finding]  # the gravest first
    summary: str  # one line: rows, columns, target
    notices: tuple[str, ...]  # those that training would print


def examine_file(path: str, target: str | None = None, overrides: Sequence[str] = ()) -> Examined:
    """Examine a file as training would read it; overrides: `data.key=value`, as for training."""
    for override in overrides:
        if not override.startswith("data."):
            raise UserError(f"{override}: --data reads a table alone; the keys that it takes are those of data")
    source = path if any(mark in path for mark in "./\\") else f"./{path}"
    config = override_config(config_from({"data": {"source": source, "target": target}}), overrides)
    PROGRESS.info(f"reading {path}")
    table = read_source(config, spawn_generators(config.seed))
    notices = list(table.notices)
    if on_disk(table.X):
        table, notice = sampled(table)
        notices.append(notice)
    gravest = ("critical", "warning", "info").index
    findings = sorted(examine(table, config.data), key=lambda finding: gravest(finding.severity))
    what = f"{len(table.class_names)} classes" if table.class_names else "a number"
    return Examined(
        findings,
        f"{table.origin}: {plural(len(table.X), 'row')}, {plural(len(table.columns), 'column')}; "
        f"target {table.target_name} ({what}; {table.task_rule or table.task})",
        tuple(notices),
    )


def sampled(table: Table) -> tuple[Table, str]:
    """As many rows of a table on disk as memory holds with ease, in their order; and a notice of it."""
    most = max(1000, MOST_SAMPLED // table.X.shape[1])
    rows = sample_rows(len(table.X), most)
    notice = f"{table.origin}: {len(rows):,} of its {len(table.X):,} rows, drawn at random, are examined"
    weights = None if table.weights is None else table.weights[rows]
    return replace(table, X=table.X[rows], y=table.y[rows], weights=weights), notice


def examine(table: Table, options: DataOptions | None = None) -> Iterator[Finding]:
    """The findings on a table; split and scaled as the options say, by default as in training."""
    options = DataOptions() if options is None else options
    yield from missing_values(table, options)
    yield from identifiers(table, options.ignore)
    data = prepare(
        table,
        split={"val": options.split.val, "test": options.split.test},
        fold=None if options.split.folds is None else Fold(options.split.fold, options.split.folds),
        shuffle=options.shuffle,
        stratify=options.stratify,
        scale=options.scale,
        target_scale=options.target_scale,
        rng=spawn_generators(0)["split"],
        dtype=np.float64,
    )
    if table.groups is None:
        yield from order_of_rows(table, options.shuffle)
    PROGRESS.info("checking columns, rows and labels")
    yield from columns(data)
    yield from copies(data)
    if table.task == "classification":
        yield from balance(data)
        yield from labels(table, data)
    PROGRESS.info("checking for leakage")
    ordered = list(row_order(data, options.ignore)) if table.groups is None and options.shuffle else []
    along = [found.evidence.get("column") for found in ordered]  # reported already, with the order of the rows
    given_away = [found for found in giveaways(data, options.ignore) if found.evidence["columns"] != along]
    yield from given_away or ordered


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


def missing_values(table: Table, options: DataOptions) -> Iterator[Finding]:
    gaps = np.isnan(np.asarray(table.X, np.float64)).sum(axis=0)
    if gaps.any():
        worst = int(gaps.argmax())
        filled = Patch({"data.missing": "auto"}, "missing values are filled in and, where informative, marked")
        yield finding(
            "missing_values",
            "info" if options.missing == "auto" else "warning",
            f"{np.count_nonzero(gaps)} of {len(gaps)} columns have missing values, most in "
            f"{table.feature_names[worst]!r} ({gaps[worst]} of {len(table.X)} rows)"
            + ("; they are filled in and, where informative, marked" if options.missing == "auto" else ""),
            *(() if options.missing == "auto" else (filled,)),
            missing=int(gaps.sum()),
        )


def identifiers(table: Table, ignored: Sequence[str] = ()) -> Iterator[Finding]:
    """Columns that number the rows, or name each of them."""
    found = []
    for j, name in enumerate(table.feature_names):
        values = np.asarray(table.X[:, j], np.float64)
        different = np.unique(values)
        if len(values) < FEWEST_ROWS or not np.isfinite(values).all() or len(different) < MOSTLY * len(values):
            continue
        whole = bool((values == np.round(values)).all())
        numbered = whole and bool((np.diff(different) == 1).all()) and bool(np.median(np.abs(np.diff(values))) == 1)
        if numbered or (whole and (is_identifier(name) or NUMBER.search(name))):
            found.append(name)
    found += [
        column.name
        for column in table.columns
        if len(table.X) >= FEWEST_ROWS and len(column.categories) > 0.5 * len(table.X)
    ]
    if found:
        yield finding(
            "identifier",
            "critical" if len(found) == len(table.columns) else "warning",
            f"{', '.join(map(repr, found))} has another value in nearly every row, as an identifier has: a network can "
            "only memorize it",
            Patch({"data.ignore": [*ignored, *found]}, "row numbers are not predictive for new rows"),
            columns=found,
        )


def order_of_rows(table: Table, shuffled: bool) -> Iterator[Finding]:
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
    if in_order and shuffled:
        yield finding(
            "sorted_data",
            "info",
            "the rows stand in the order of their target: data.shuffle and train.shuffle, which are on, are needed",
            **evidence,
        )
    elif in_order:
        yield finding(
            "sorted_data",
            "warning",
            "the rows stand in the order of their target, and data.shuffle is off: the parts of the split differ",
            Patch({"data.shuffle": True}, "the rows are mixed before they are split"),
            **evidence,
        )


def columns(data: Data) -> Iterator[Finding]:
    summary, statistics = data.card["feature_summary"], data.card["feature_statistics"]
    if summary["constant"]:
        yield finding(
            "constant_column",
            "info",
            f"{summary['constant']} of {data.card['features']} features never change in the training rows "
            f"({', '.join(map(repr, summary['constant_names'][:LISTED]))}): they are not informative",
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
    """Rows that stand in the table more than once, by what they change: the score of the nearest training row, which
    remembers all there is to remember, with the copies of held-out rows among the training rows and without them."""
    found = data.card["duplicates"]
    held = len(data.val) + len(data.test)
    leaked = sum(int(np.isin(keys(part), keys(data.train)).sum()) for part in (data.val, data.test))
    if leaked > 0.02 * held and leaked >= 3:
        copied = np.isin(keys(data.train), np.concatenate([keys(data.val), keys(data.test)]))
        with_copies, without = (nearest_row(data, kept) for kept in (np.ones(len(copied), bool), ~copied))
        harm = with_copies - without > HARM
        evidence = {"leaked": leaked, "held_rows": held, "score_of_nearest_row": with_copies, "without_copies": without}
        words = (
            f"rows stand in the table more than once: with a random split {leaked} of {held} held-out rows are "
            f"known from training. The nearest row predicts {with_copies:.3f}, {without:.3f} without the copies"
        )
        if harm:
            severity = "critical" if leaked > 0.2 * held and not alike_by_chance(found) else "warning"
            yield finding("leakage", severity, f"{words}: the score measures memory; keep one of each", **evidence)
        else:
            yield finding("leakage", "info", f"{words}, so they do no harm", **evidence)
    if found["conflicting"] and data.class_names:
        yield finding(
            "conflicting_rows",
            "warning",
            f"{found['conflicting']} rows have the same features as a row of another class: no model can separate them",
            rows=found["conflicting"],
        )


def keys(part: Part) -> Array:
    """(rows,) a number a row, the same for rows whose features and target are all equal."""
    y = part.y.reshape(len(part), int(np.prod(part.y.shape[1:]))).astype(np.float64)
    return np.array([hash(x.tobytes() + t.tobytes()) for x, t in zip(part.X + 0.0, y, strict=True)], np.int64)


def nearest_row(data: Data, kept: Array) -> float:
    """The score on the rows of val and test of predicting the target of the nearest of the kept training rows."""
    from sklearn.neighbors import NearestNeighbors

    rows = np.flatnonzero(kept)
    rows = rows[sample_rows(len(rows), MAX_ROWS)]
    if not len(rows):
        return 0.0
    X, y = (np.concatenate([getattr(part, name) for part in (data.val, data.test)]) for name in ("X", "y"))
    nearest = NearestNeighbors(n_neighbors=1).fit(data.train.X[rows]).kneighbors(X, return_distance=False)[:, 0]
    return float(scores(data, y, data.train.y[rows][nearest])[main_score(data)] or 0.0)


def balance(data: Data) -> Iterator[Finding]:
    counts = np.bincount(data.train.y, minlength=len(data.class_names))
    total = counts + np.bincount(data.val.y, minlength=len(counts)) + np.bincount(data.test.y, minlength=len(counts))
    ratio = total.max() / max(1, total.min())
    rare = data.class_names[int(total.argmin())]
    if ratio > 10:
        yield finding(
            "class_imbalance",
            "warning",
            f"the class {rare!r} has {plural(int(total.min()), 'row')}, the most frequent one {ratio:.0f} times as "
            "many: look at the balanced accuracy, not at the accuracy",
            Patch({"class_weight": "balanced"}, "rare rows count for more in the loss"),
            counts_ratio=ratio,
        )
    if total.min() < FEW:
        yield finding(
            "few_rows",
            "warning",
            f"the class {rare!r} has {plural(int(total.min()), 'row')}: too few to learn from and to be judged on",
            rows=int(total.min()),
        )


def labels(table: Table, data: Data) -> Iterator[Finding]:
    """Rows whose label looks wrong: those far within another class's region."""
    found = kernel_ridge_report(data, list_suspects=True)
    overall, certain = 1 - found.get("margin_accuracy", 1.0), found.get("certain_errors", 0.0)
    suspects = found.get("suspects", [])
    if certain > 0.03 and certain > 0.3 * overall and overall < 0.75 * (1 - 1 / len(data.class_names)):
        yield finding(
            "label_noise",
            "critical" if certain > 0.1 else "warning",
            f"about {certain:.0%} of the rows far within one class's region carry the label of another; look at rows "
            f"{', '.join(str(row + 1) for row in suspects[:LISTED])} (counted from 1)",
            certain_errors=certain,
            suspects=len(suspects),
        )


def giveaways(data: Data, ignored: Sequence[str] = ()) -> Iterator[Finding]:
    """A copy of the target, exact or with noise; one column, or two, that predict it by themselves and without which
    the others do not."""
    copy = copied_target(data)
    if copy is not None:
        how = "is a copy of the target" if copy["exact"] else "is the target with little noise"
        others = "" if copy["without"] is None else f" (all other columns together {copy['without']:.3f})"
        yield giveaway(
            (copy["column"],),
            ignored,
            f"{copy['column']!r} {how}{others}: is it known before the target is, or made from it?",
            relation=copy["kind"],
            value=copy["value"],
            score_without=copy["without"],
        )
        return
    found = telling_columns(data, least=0.0)
    if found is not None:
        names = " and ".join(map(repr, found["columns"]))
        one = len(found["columns"]) == 1
        yield giveaway(
            found["columns"],
            ignored,
            f"{names} {'alone predicts' if one else 'by themselves predict'} the target ({found['score']:.3f}; all "
            f"others together {found['without']:.3f}): {'is it' if one else 'are they'} known before the target is, or "
            "made from it?",
            score_alone=found["score"],
            model=found["how"],
            score_without=found["without"],
        )


def giveaway(columns: Sequence[str], ignored: Sequence[str], because: str, **evidence: object) -> Finding:
    why = "a network that relies on the target does not generalize to new rows"
    patch = Patch({"data.ignore": [*ignored, *columns]}, why)
    return finding("leakage", "critical", because, patch, **{"columns": list(columns), **evidence})


def row_order(data: Data, ignored: Sequence[str] = ()) -> Iterator[Finding]:
    """A column that runs with the rows, whose neighbours have similar targets: a count of them, or time."""
    found = column_in_row_order(data)
    if found is None:
        return
    random, later, without = found["random"] or 0.0, found["later"], found["without"] or 0.0
    if found["counts"] and random - without > HARM:
        yield giveaway(
            [found["column"]],
            ignored,
            f"{found['column']!r} numbers the rows, which stand in an order that has to do with the target: with it a "
            f"plain model reaches {random:.3f}, without it {without:.3f}, and new rows have other numbers",
            column=found["column"],
            score_without=without,
        )
    if not found["counts"]:
        harm = later is None or random - later > HARM
        scored = "" if later is None else f" ({random:.3f} at random, {later:.3f} for the last rows from the earlier)"
        yield finding(
            "time_order",
            "warning" if harm else "info",
            f"the rows run with {found['column']!r}, and each one's target resembles that of the row before "
            f"(correlation {found['correlation']:.2f}): a random split puts neighbours of every held-out row into "
            f"training, so the score is no estimate for later rows{scored}",
            Patch({"data.shuffle": False}, "the last rows then validate and test, as later rows will"),
            column=found["column"],
            correlation_of_neighbours=found["correlation"],
        )
