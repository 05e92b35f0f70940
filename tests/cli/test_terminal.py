"""What the terminal shows of a run."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nn_scratch.cli import terminal as console
from nn_scratch.cli.terminal import TrainingView, data_table, score_table, speed_line, spread
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run
from nn_scratch.wording import duration
from tests.small import config, rows


def shown(*what: Any) -> list[str]:
    """Lines of the terminal, without the spaces at their ends."""
    text = StringIO()
    Console(file=text, width=200).print(*what)
    return [" ".join(line.split()) for line in text.getvalue().splitlines() if line.strip()]


def test_classes_are_counted_a_part_beside_the_majority() -> None:
    counts = {"train": {"a": 3, "b": 1}, "val": {"a": 1, "b": 1}, "test": {"a": 0, "b": 0}}
    card = {
        "classes": ["a", "b"],
        "parts": {part: {"rows": sum(found.values()), "class_counts": found} for part, found in counts.items()},
        "majority": {"class": "a", "train": 0.75, "val": 0.5, "test": None},
    }
    assert shown(data_table(card)) == [
        "split rows a b majority-class baseline",
        "train 4 3 1 0.75",
        "val 2 1 1 0.5",
        "test 0 0 0 -",
    ]


@pytest.mark.parametrize(("classes", "columns"), [(10, 10), (60, 8)])
def test_as_many_classes_are_counted_as_80_letters_hold(classes: int, columns: int) -> None:
    names = [f"c{number}" for number in range(classes)]
    part = {"rows": 123_456, "class_counts": dict.fromkeys(names, 100)}
    card = {"classes": names, "parts": {"train": part}, "majority": {"class": "c0", "train": 1 / classes}}
    text = StringIO()
    Console(file=text, width=80).print(data_table(card))
    *heads, row = text.getvalue().splitlines()
    assert row.split()[:2] == ["train", "123,456"]
    assert row.split()[2 : 2 + columns] == ["100"] * columns
    assert row.split()[2 + columns :] == (["..."] if columns < classes else []) + [f"{1 / classes:.4g}"]
    assert [name for name in names if name in " ".join(heads).split()] == names[:columns]


def test_targets_have_their_moments_a_part_where_they_are_known() -> None:
    target = {"mean": [2.0, 7.0], "std": [None, 1.0], "min": [1.0, 6.0], "max": [3.0, 8.0]}
    parts = {
        "train": {"rows": 2, "target": target},
        "val": {"rows": 0, "target": None},
        "test": {"rows": 0, "target": None},
    }
    assert shown(data_table({"classes": None, "parts": parts})) == [
        "split rows target",
        "train 2 2 ± - (1 to 3), 7 ± 1 (6 to 8)",
        "val 0",
        "test 0",
    ]


def test_scores_stand_beside_those_of_simple_models() -> None:
    scores = {"loss": 0.5, "accuracy": 0.75, "recall": {"a": 1.0}}
    baselines = {
        "constant": {"val": {"accuracy": 0.5}, "test": None},
        "linear": {"val": {"accuracy": 0.875}, "test": None},
        "knn": {"val": None, "test": None},
        "best_feature": None,
    }
    info = {"train": scores, "val": {**scores, "loss": None}, "test": None, "baselines": baselines}
    assert shown(score_table(info)) == [
        "train val",
        "loss 0.5 -",
        "accuracy 0.75 0.75",
        "constant baseline: accuracy - 0.5",
        "linear baseline: accuracy - 0.875",
    ]


def test_a_run_without_scores_has_an_empty_table() -> None:
    assert shown(score_table({"train": None, "val": None, "test": None, "baselines": None})) == []


def test_the_speed_of_a_run_whose_times_are_unknown_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "matrix_peak", lambda dtype, size: 2e9)
    run = train(config(rows(tmp_path), train__epochs=2), tmp_path)
    lines = (run.path / "times.csv").read_text().splitlines()
    (run.path / "times.csv").write_text("\n".join([lines[0], "1,nan,,nan", "2,,nan,"]) + "\n")
    info = run.info | {"samples_per_second": None, "seconds": 0.0}
    read = Run(run.path)
    read.__dict__["info"] = info
    assert speed_line(read) == (
        "2 epochs in 0.00 s: 0 samples/s, 0.0 µs per step, MFU 0% (of 2 GFLOP/s measured for matrix products); "
        "training 0%, evaluation 0%, logging 0%"
    )


def test_seeds_are_summed_up(tmp_path: Path) -> None:
    runs = [train(config(rows(tmp_path), seed=seed, train__epochs=1), tmp_path) for seed in (1, 2)]
    view = TrainingView()
    text = StringIO()
    view.console = Console(file=text, width=200)
    view.spreads(runs, "seed")
    lines = [" ".join(line.split()) for line in text.getvalue().splitlines()]
    assert lines[0] == "2 seeds: mean ± standard deviation"
    assert lines[-1] == "runs: small-001, small-002"
    losses = [run.info["val"]["loss"] for run in runs]
    assert (
        next(line for line in lines if line.startswith("loss")).split(" ± ")[1].split()[1] == f"{sum(losses) / 2:.4g}"
    )


@pytest.mark.parametrize(
    ("values", "text"), [([None, None], "-"), ([None, 0.5], "0.5"), ([0.25, 0.75], "0.5 ± 0.35"), ([], "-")]
)
def test_the_spread_of_what_is_known(values: list[float | None], text: str) -> None:
    assert spread(values) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (89.0, "89 s"), (90.0, "1.5 min"), (7200.0, "2.0 h"), (200000.0, "2.3 days")]
)
def test_a_duration_is_reported_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text
