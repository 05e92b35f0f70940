"""The data card, data.json: what a reader, a plot or the doctor needs about the data without having it.

Cheap (some passes over the rows) and the same for the same rows. Numbers keep six significant digits; null is "none".
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from nn_scratch.data.mapped_rows import on_disk
from nn_scratch.data.moments import Moments, row_blocks
from nn_scratch.data.order import label_order, value_order
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.table import Column, Table
from nn_scratch.metrics import Array, rounded

PROGRESS = logging.getLogger("nn_scratch.progress")
COINCIDENCE = 0.2  # of equal rows, the share with several targets from which they are not copies; by hand
MIXERS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
MOST_HASHES = 500_000  # of rows on disk; to compare them takes some 50 MB; bounds memory
MAX_LISTED = 1000  # features with a line of their own; of more, the first, and a summary of all; bounds memory


def make_card(
    table: Table,
    rows: Mapping[str, Array],
    measured: Mapping[str, Moments],
    preprocessing: Preprocessing,
    *,
    shuffled: bool,
    stratified: bool,
) -> dict[str, Any]:
    """The card of a table that has been split.

    rows: by part, the numbers of its rows, those of "test" in `table.test` where there is one; measured: by part,
    the moments of its raw features. Keys of the result:

    origin, task, task_rule, rows, features, target, weight (the column of row weights, or null),
    columns       of the table, the first 1,000: name, kind, how many features it became, of text its categories' counts
    classes (null for regression), image_shape, scale, target_scale;
    split         shuffled, stratified, own_test: how the parts came about
    parts         train, val, test: rows; class_counts, or target (mean, std, min, max of each)
    feature_statistics   a list each, by feature, of the raw training rows: name, mean, std, min, max, missing;
                  shift_val and shift_test, the part's mean less the training rows', in training standard deviations;
                  shift_val_z and shift_test_z, in standard errors of that difference; `listed` is how many features
                  have their line: all up to 1,000
    feature_summary      over all features: constant (in the training rows), the extremes of the above; missing: cells
                  of the table without a value
    input         the same of what the network is fed, after scaling
    duplicates    rows whose features all equal another row's: within train, and of one part in another;
                  conflicting: rows with the features of a row with another target
    sha256        of all rows as read (see `rows_hash`)
    order         how the training rows lie before any shuffling of an epoch. Classes: runs of equal labels, how many
                  random order would give, z in its standard deviations; the longest. Quantities: correlation of each
                  row's target with the next row's, z likewise
    entropy       of the classes' shares in train, in nats: the loss of predicting these shares for every row
    majority      the most frequent class of train, and its share in each part: the accuracy of always saying it
    """
    card: dict[str, Any] = {
        "origin": table.origin,
        "task": table.task,
        "task_rule": table.task_rule,
        "rows": sum(len(numbers) for numbers in rows.values()),
        "features": preprocessing.n_features,
        "columns": [_column(column) for column in preprocessing.columns[:MAX_LISTED]],
        "target": list(table.target_names),
        "weight": table.weight_name or None,
        "classes": list(table.class_names) or None,
        "image_shape": table.image_shape and list(table.image_shape),
        "scale": preprocessing.scale_kind,
        "split": {"shuffled": shuffled, "stratified": stratified, "own_test": table.test is not None},
    }
    targets = {part: _of(table, part).y[numbers] for part, numbers in rows.items()}
    card |= _class_counts(table, targets) if table.task == "classification" else _target_summary(targets)
    card["feature_statistics"], card["feature_summary"] = _features(preprocessing.feature_names, measured)
    card["feature_summary"]["missing"] = _missing_cells(table)
    card["input"] = _input(measured["train"], preprocessing)
    card["duplicates"] = _duplicates(table, rows, targets)
    card["sha256"] = rows_hash(table)
    return card


def rows_hash(table: Table) -> str:
    """SHA-256 of every value of a table, of its column and class names, and of its test rows: any change alters it."""
    found = hashlib.sha256(repr((table.task, table.feature_names, table.target_names, table.class_names)).encode())
    for values in (table.X, table.y, table.weights):
        if values is not None:
            found.update(f"{values.dtype.str}{values.shape}".encode())
            for part in row_blocks(len(values), max(1, values[:1].size)):
                found.update(np.ascontiguousarray(values[part]).data)
    if table.test is not None:
        found.update(rows_hash(table.test).encode())
    return found.hexdigest()


def _of(table: Table, part: str) -> Table:
    return table.test if part == "test" and table.test is not None else table


def _class_counts(table: Table, targets: Mapping[str, Array]) -> dict[str, Any]:
    """The entries of a classification's card: parts, entropy, majority and order."""
    names = table.class_names
    counts = {part: np.bincount(y, minlength=len(names)) for part, y in targets.items()}
    train = counts["train"]
    shares = train[train > 0] / train.sum()
    majority = int(train.argmax())
    return {
        "parts": {
            part: {"rows": len(targets[part]), "class_counts": dict(zip(names, found.tolist(), strict=True))}
            for part, found in counts.items()
        },
        "entropy": rounded(-np.sum(shares * np.log(shares))),
        "majority": {"class": names[majority]}
        | {part: rounded(found[majority] / found.sum()) if found.sum() else None for part, found in counts.items()},
        "order": label_order(targets["train"]),
    }


def _target_summary(targets: Mapping[str, Array]) -> dict[str, Any]:
    """The entries of the card of a regression, or of several labels: parts and order."""
    return {
        "parts": {part: {"rows": len(y), "target": _target_statistics(y)} for part, y in targets.items()},
        "order": value_order(targets["train"][:, 0]),
    }


def _missing_cells(table: Table) -> int:
    """Cells without a value, those of test rows of their own included."""
    return sum(
        int(np.isnan(source.X[part]).sum())
        for source in (table, table.test)
        if source is not None and source.X.dtype.kind == "f"
        for part in row_blocks(len(source.X), source.X.shape[1])
    )


def _target_statistics(y: Array) -> dict[str, list[float]] | None:
    if not len(y):
        return None
    return {name: rounded(getattr(y, name)(axis=0)) for name in ("mean", "std", "min", "max")}


# ---- features ----


def _column(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {"name": column.name, "kind": column.kind, "features": len(column.feature_names)}
    if column.kind == "text":
        found["counts"] = dict(zip(column.categories, column.counts, strict=False))
    return found


def _features(names: tuple[str, ...], measured: Mapping[str, Moments]) -> tuple[dict[str, Any], dict[str, Any]]:
    train = measured["train"]
    constant = train.constant
    with np.errstate(divide="ignore", invalid="ignore"):
        shifts = {}
        for name in ("val", "test"):
            part = measured[name]
            difference = np.where(constant, np.nan, part.mean - train.mean)
            shifts[f"shift_{name}"] = difference / train.std
            shifts[f"shift_{name}_z"] = difference / np.sqrt(train.std**2 / train.n + part.std**2 / part.n)
        far_off = np.where(constant, np.nan, np.abs(train.mean) / train.std)
    columns = {"mean": train.mean, "std": train.std, "min": train.min, "max": train.max, "missing": train.missing}
    n = min(len(names), MAX_LISTED)
    statistics: dict[str, Any] = {"listed": n, "name": list(names[:n])}
    statistics |= {name: rounded(values[:n]) for name, values in {**columns, **shifts}.items()}
    varying = train.std[~constant]
    summary = {
        "constant": int(constant.sum()),
        "constant_names": [names[i] for i in np.flatnonzero(constant)[:20]],
        "std_min": rounded(varying.min()) if len(varying) else None,
        "std_max": rounded(varying.max()) if len(varying) else None,
        "mean_over_std_max": _largest(far_off, names),
    }
    summary |= {f"{name}_max": _largest(values, names) for name, values in shifts.items()}
    return statistics, summary


def _largest(values: Array, names: tuple[str, ...]) -> dict[str, Any] | None:
    """The feature with the largest absolute value, and that value with its sign."""
    if np.all(np.isnan(values)):
        return None
    i = int(np.nanargmax(np.abs(values)))
    return {"feature": names[i], "value": rounded(values[i])}


def _input(train: Moments, preprocessing: Preprocessing) -> dict[str, Any]:
    scale, offset = preprocessing.scale, preprocessing.offset
    varying = ~train.constant
    mean = (train.mean - offset) / scale
    std = (train.std / scale)[varying]
    low, high = (train.min - offset) / scale, (train.max - offset) / scale
    return {
        "mean_abs_max": rounded(np.abs(mean).max()),
        "std_min": rounded(std.min()) if len(std) else None,
        "std_max": rounded(std.max()) if len(std) else None,
        "min": rounded(low.min()),
        "max": rounded(high.max()),
    }


# ---- rows that stand there twice ----


def hashes_kept(table: Table, rows: int) -> int:
    """One hash in how many is kept to look for duplicates: all of rows in memory, about MOST_HASHES of others."""
    return -(-rows // MOST_HASHES) if on_disk(table.X) else 1


def on_disk_notice(origin: str, rows: int) -> str:
    """The notice of what is measured on samples where the rows are not in memory."""
    one_in = -(-rows // MOST_HASHES)
    duplicates = "" if one_in == 1 else f"duplicate rows are estimated from 1 row in {one_in:,}; "
    return f"{origin}: {duplicates}baselines and the diagnosis use samples of some thousand rows, as they always do"


def _duplicates(table: Table, rows: Mapping[str, Array], targets: Mapping[str, Array]) -> dict[str, Any]:
    """Counts of rows that stand there twice; where hashes are kept of a share of the rows, estimates.

    The share is chosen by the hash itself, so that of equal rows all are kept or none.
    """
    PROGRESS.info(f"looking for duplicates among {sum(map(len, rows.values())):,} rows")
    one_in = hashes_kept(table, sum(map(len, rows.values())))
    dtype = table.X.dtype if table.test is None else np.result_type(table.X, table.test.X)
    keys = {part: row_hashes(_of(table, part).X, numbers, dtype) for part, numbers in rows.items()}
    if one_in > 1:
        chosen = {part: found % np.uint64(one_in) == 0 for part, found in keys.items()}
        keys = {part: found[chosen[part]] for part, found in keys.items()}
        targets = {part: y[chosen[part]] for part, y in targets.items()}
        return {name: one_in * count for name, count in _counted(keys, targets).items()}
    return _counted(keys, targets)


def _counted(keys: Mapping[str, Array], targets: Mapping[str, Array]) -> dict[str, int]:
    """Counts of equal keys, by part; and of rows whose key is that of a row with another target."""
    ordered = np.sort(np.concatenate(list(keys.values())))
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])  # all other keys are of one row
    places = {part: _places_in(repeated, found) for part, found in keys.items()}
    codes = {part: found[found >= 0] for part, found in places.items()}
    counts = {part: np.bincount(found, minlength=len(repeated)) for part, found in codes.items()}
    y = np.concatenate([targets[part][places[part] >= 0] for part in keys])
    labels = row_hashes(y.reshape(len(y), -1), np.arange(len(y)), y.dtype) if len(y) else np.empty(0, np.uint64)
    return {
        "within_train": int(np.maximum(counts["train"] - 1, 0).sum()),
        "val_in_train": int(counts["val"][counts["train"] > 0].sum()),
        "test_in_train": int(counts["test"][counts["train"] > 0].sum()),
        "test_in_val": int(counts["test"][counts["val"] > 0].sum()),
        "conflicting": _conflicting(np.concatenate(list(codes.values())), labels, len(repeated)),
    }


def _places_in(ordered: Array, keys: Array) -> Array:
    """The place of each key among the ordered ones, -1 where it is none of them."""
    if not len(ordered):
        return np.full(len(keys), -1)
    places = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    places[ordered[places] != keys] = -1
    return places


def alike_by_chance(duplicates: Mapping[str, int]) -> bool:
    """Whether equal rows are equal because their features have few values: a row that was copied keeps its target."""
    equal = sum(duplicates[name] for name in ("within_train", "val_in_train", "test_in_train", "test_in_val"))
    return duplicates.get("conflicting", 0) > COINCIDENCE * equal


def row_hashes(X: Array, rows: Array, dtype: Any) -> Array:
    """(rows,) uint64, equal for equal rows, and for others only once in 2^64 pairs or so.

    Every value is mixed (the finalizer of MurmurHash3, Appleby 2011) with a constant of its column, then all are added.
    """
    salts = np.random.default_rng(0).integers(1, 2**64 - 1, X.shape[1], dtype=np.uint64)
    hashes = np.empty(len(rows), dtype=np.uint64)
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    for part in row_blocks(len(rows), X.shape[1]):
        block = X[rows[part]].astype(dtype)
        if block.dtype.kind == "f":
            block += 0.0  # makes -0 equal to 0
            block[np.isnan(block)] = np.nan  # of the same bits
        bits = block.view(unsigned).astype(np.uint64)
        bits += salts
        for multiplier in MIXERS:
            bits ^= bits >> np.uint64(33)
            bits *= multiplier
        bits ^= bits >> np.uint64(33)
        hashes[part] = bits.sum(axis=1, dtype=np.uint64)
    return hashes


def _conflicting(groups: Array, y: Array, n_groups: int) -> int:
    """The rows (rows,) of groups in which `y` is not the same for all."""
    low = np.full(n_groups, np.iinfo(y.dtype).max, dtype=y.dtype)
    high = np.full(n_groups, np.iinfo(y.dtype).min, dtype=y.dtype)
    np.minimum.at(low, groups, y)
    np.maximum.at(high, groups, y)
    return int((low < high)[groups].sum())
