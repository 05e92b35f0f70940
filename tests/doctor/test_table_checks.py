"""What the data doctor says of a table before anything is trained on it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.data import array_files
from nn_scratch.doctor import Finding, table_checks
from nn_scratch.doctor.table_checks import examine_file
from nn_scratch.errors import UserError

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
    return {finding.rule for finding in examine_file(write(tmp_path / "table.csv", header, body)).findings}


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
    findings = examine_file(write(tmp_path / "t.csv", ("x", "y", "refund", "kind"), body)).findings
    first = findings[0]
    assert (first.rule, first.severity) == ("leakage", "critical")
    assert first.because.startswith("'refund' is a copy of the target (all other columns together 0.")
    assert first.patches[0].set == {"data.ignore": ["refund"]}


def leaks(tmp_path: Path, header: Sequence[str], columns: Sequence[np.ndarray]) -> list[Finding]:
    """The findings of leakage on a table of these columns, the target last."""
    body: Rows = [
        [value if isinstance(value, str) else f"{value:.6g}" for value in row] for row in zip(*columns, strict=True)
    ]
    findings = examine_file(write(tmp_path / "t.csv", header, body)).findings
    return [finding for finding in findings if finding.rule == "leakage"]


RNG = np.random.default_rng(5)
NOISE = RNG.normal(size=(3, 400))
CLASSES = RNG.integers(0, 3, 400)
NUMBERS = np.exp(NOISE[0]) + NOISE[1]


@pytest.mark.parametrize(
    "columns",
    [
        (NOISE[0], CLASSES + 0.04 * NOISE[1], np.array(list("abc"))[CLASSES]),  # noise of 2 % of the range
        (NOISE[0], NUMBERS + 0.02 * np.ptp(NUMBERS) * NOISE[2], NUMBERS),
        (NOISE[2], -(NUMBERS**3), NUMBERS),
        (NOISE[0], np.array(list("xyz"))[CLASSES], CLASSES),
        (NOISE[0], np.where(CLASSES == 1, 0.0, 3.0 + CLASSES) + 0.01 * NOISE[1], np.array(list("abc"))[CLASSES]),
    ],
)
def test_a_copy_of_the_target_is_found_exact_noisy_and_bent(tmp_path: Path, columns: Sequence[np.ndarray]) -> None:
    x, told, y = columns
    (leak,) = leaks(tmp_path, ("x", "z", "told", "y"), (x, RNG.normal(size=400), told, y))
    assert leak.severity == "critical"
    assert leak.patches[0].set == {"data.ignore": ["told"]}


def test_two_columns_that_add_up_to_the_target_are_named(tmp_path: Path) -> None:
    a, b, c = NOISE
    (leak,) = leaks(tmp_path, ("a", "b", "c", "y"), (a, b, c, a + b + 0.01 * c))
    assert set(leak.patches[0].set["data.ignore"]) == {"a", "b"}
    assert leak.because.endswith("are they known before the target is, or made from it?")
    assert leak.because.replace("'b' and 'a'", "'a' and 'b'").startswith(
        "'a' and 'b' by themselves predict the target ("
    )


def test_rows_that_stand_there_twice_matter_by_what_they_change(tmp_path: Path) -> None:
    x, y = NOISE[0], np.where(RNG.random(400) < 0.5, "a", "b")  # nothing to learn, all to remember
    (leak,) = leaks(tmp_path, ("x", "z", "y"), [np.tile(one, 2) for one in (x, NOISE[1], y)])
    assert leak.severity == "critical"
    assert "known from training" in leak.because


def test_a_column_that_runs_with_the_rows_is_named_where_neighbours_are_alike(tmp_path: Path) -> None:
    y = np.cumsum(NOISE[1])
    body: Rows = [[f"{1990 + i / 12:.3f}", f"{NOISE[0][i]:.4f}", f"{y[i]:.4f}"] for i in range(400)]
    findings = examine_file(write(tmp_path / "t.csv", ("year", "x", "y"), body)).findings
    said = next(finding for finding in findings if finding.rule == "time_order")
    assert said.because.startswith("the rows run with 'year'")
    assert said.patches[0].set == {"data.shuffle": False}


def test_suspects_are_listed_by_their_rows_in_the_file(tmp_path: Path) -> None:
    body = rows()
    wrong = [20, 60, 100, 140, 180, 220, *range(5, 240, 12)]
    for row in wrong:
        body[row][-1] = "b" if body[row][-1] == "a" else "a"
    findings = examine_file(write(tmp_path / "t.csv", HEADER, body)).findings
    said = next(finding for finding in findings if finding.rule == "label_noise").because
    listed = {int(number) - 1 for number in said.split("look at rows ")[1].split(" (")[0].split(", ")}
    assert listed <= set(wrong)


def decorated(tmp_path: Path) -> str:
    """A table with a column that holds a word in every ninth row."""
    body = [
        [f"{2 * float(x):.3f}", x, "none so far" if i % 9 == 0 else y, kind] for i, (x, y, kind) in enumerate(rows())
    ]
    return write(tmp_path / "t.csv", ("copy", *HEADER), body)


def test_a_table_is_read_by_the_keys_of_training(tmp_path: Path) -> None:
    path = decorated(tmp_path)
    told = {finding.rule: finding for finding in examine_file(path).findings}
    assert "missing_values" in told
    assert told["missing_values"].severity == "info"  # filled in by default, so that there is nothing to change
    assert told["missing_values"].patches == ()
    dropped = {finding.rule for finding in examine_file(path, None, ["data.missing=drop"]).findings}
    assert "missing_values" not in dropped
    assert "missing_values" not in {f.rule for f in examine_file(path, None, ["data.ignore=[y]"]).findings}
    assert examine_file(path, None, ["data.target=x", "data.ignore=[kind]"]).summary.endswith(
        "240 rows, 2 columns; target x (a number; 'x' holds fractions)"
    )


def test_columns_that_are_ignored_already_stay_so_in_a_patch(tmp_path: Path) -> None:
    body = [[i, i + 1000, *row] for i, row in enumerate(rows())]
    path = write(tmp_path / "t.csv", ("id", "row", *HEADER), body)
    columns = ["data.columns={id: number, row: number}"]
    (told,) = [f for f in examine_file(path, None, columns).findings if f.rule == "identifier"]
    assert told.patches[0].set == {"data.ignore": ["id", "row"]}
    (told,) = [f for f in examine_file(path, None, [*columns, "data.ignore=[id]"]).findings if f.rule == "identifier"]
    assert told.patches[0].set == {"data.ignore": ["id", "row"]}


def test_groups_that_are_kept_together_are_no_order_of_rows(tmp_path: Path) -> None:
    body = [[f"{k}{i // 10}", *row] for i, row in enumerate(sorted(rows(), key=lambda row: str(row[-1]))) for k in "g"]
    path = write(tmp_path / "t.csv", ("group", *HEADER), body)
    assert "sorted_data" in {f.rule for f in examine_file(path, None, ["data.ignore=[group]"]).findings}
    assert "sorted_data" not in {f.rule for f in examine_file(path, None, ["data.split={by: group}"]).findings}


@pytest.mark.parametrize("key", ["optimizer.lr=1", "data.nothing=3", "data.target=absent"])
def test_other_keys_and_columns_that_are_not_there_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(UserError):
        examine_file(write(tmp_path / "t.csv", HEADER, rows()), None, [key])


def test_of_a_table_on_disk_a_sample_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(3000, 4))
    values[:, 3] = values[:, 0] > 0
    np.save(tmp_path / "t.npy", values)
    monkeypatch.setattr(array_files, "free_memory", lambda: 1000)
    monkeypatch.setattr(table_checks, "MOST_SAMPLED", 6000)
    examined = examine_file(str(tmp_path / "t.npy"))
    assert examined.notices[-1].endswith("t.npy: 2,000 of its 3,000 rows, drawn at random, are examined")
    assert examined.summary.endswith(
        "t.npy: 2,000 rows, 3 columns; target x4 (2 classes; 'x4' holds 2 different whole numbers in 3,000 rows)"
    )


def test_a_table_of_two_rows_is_examined(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", ("x", "kind"), [[1, "a"], [2, "b"]])
    examined = examine_file(table)
    (few,) = (finding for finding in examined.findings if finding.rule == "few_rows")
    assert few.because == "the class 'a' has 1 row: too few to learn from and to be judged on"
