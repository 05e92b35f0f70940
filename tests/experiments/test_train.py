"""A run as a whole: the same config gives the same bytes, however often it was stopped, from wherever it is started."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.config.resolve import load_config
from nn_scratch.errors import Diverged, UserError
from nn_scratch.experiments.model import load_model
from nn_scratch.experiments.train import resume, train
from nn_scratch.runs.run import Run
from tests.small import DENSE, config, contents, differing, predict_file, rows, run_with_stops

WAYS: dict[str, dict[str, Any]] = {
    "dropout": {"layers": [DENSE, {"type": "dropout", "rate": 0.3}], "optimizer": "adam"},
    "batch_norm": {"layers": [DENSE, "batch_norm", {"type": "gaussian_noise", "std": 0.2}], "optimizer": "nadam"},
    "lbfgs": {"optimizer": {"type": "lbfgs", "history_size": 3}, "layers": [DENSE, "batch_norm"], "train__epochs": 12},
    "averaged and accumulated": {
        "train__ema_decay": 0.9,
        "train__accumulate": 3,
        "train__batch_size": 1,
        "regularize": {"max_norm": 1.0, "clip_value": 0.1, "l1": 0.001},
        "train__early_stopping": {"monitor": "val_balanced_accuracy", "patience": 3},
    },
    "reduce_on_plateau": {
        "schedule": {"type": "reduce_on_plateau", "patience": 0, "cooldown": 1, "warmup_steps": 20},
        "optimizer": {"type": "sgd", "lr": 0.3, "momentum": 0.9},
        "train__early_stopping": {"patience": 3},
    },
    "one_cycle and class weights": {"schedule": "one_cycle", "class_weight": "balanced", "optimizer": "adamw"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_was_stopped_and_resumed_ends_with_the_same_bytes(way: str, tmp_path: Path) -> None:
    """90 rows in batches of 1 make 90 steps an epoch, of which the trainer can stop after every 32."""
    wanted = config(rows(tmp_path, n=150), **{"train__batch_size": 1, "train__epochs": 6} | WAYS[way])
    whole = train(wanted, tmp_path / "whole")
    steps = np.random.default_rng(len(way)).choice(whole.info["steps"] - 1, 4, replace=False)
    run, stops = run_with_stops(wanted, tmp_path / "stopped", sorted(steps.tolist()))
    assert stops >= 3
    assert differing(whole, run) == []
    assert len(contents(run)) > 20
    for key in ("status", "epochs", "steps", "best_epoch", "train", "val", "test", "initial"):
        assert run.info[key] == whole.info[key]


def test_two_runs_of_one_config_are_the_same_bytes(tmp_path: Path) -> None:
    wanted = config(rows(tmp_path), layers=[DENSE, "dropout"])
    assert differing(train(wanted, tmp_path / "a"), train(wanted, tmp_path / "b")) == []


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    source = rows(tmp_path)
    a, b = (train(config(source, seed=seed), tmp_path / "out") for seed in (1, 2))
    assert "weights/hidden_1.W.npy" in differing(a, b)


def test_training_from_a_runs_own_config_repeats_it_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    first = train(config("./rows.npz"), tmp_path / "a")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    second = train(load_config(first.path / "param.yaml"), tmp_path / "b")
    assert differing(first, second) == []
    assert first.config["data"]["source"] == str(tmp_path / "rows.npz")


def test_a_table_for_the_test_is_written_with_its_whole_path_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "more").mkdir()
    rows(tmp_path)
    rows(tmp_path / "more", n=20)
    monkeypatch.chdir(tmp_path / "more")
    split = {"train": 0.8, "val": 0.2, "test": 0.0}
    wanted = config("../rows.npz", data__test_source="./rows.npz", data__split=split, train__epochs=1)
    run = train(wanted, tmp_path / "out")
    assert run.config["data"]["source"] == str(tmp_path / "rows.npz")
    assert run.config["data"]["test_source"] == str(tmp_path / "more" / "rows.npz")


# --- going further


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train__ema_decay": 0.9},
        {"train__early_stopping": {"patience": 100}},
        {"optimizer": "lbfgs"},
    ],
)
def test_a_finished_run_that_goes_on_is_as_one_that_never_stopped(changes: dict[str, Any], tmp_path: Path) -> None:
    source = rows(tmp_path)
    short = train(config(source, **changes, train__epochs=3), tmp_path / "a")
    longer = resume(Run(short.path), ["train.epochs=6"])
    whole = train(config(source, **changes, train__epochs=6), tmp_path / "b")
    assert differing(longer, whole) == []
    assert longer.info["epochs"] == 6


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path)), tmp_path / "out")
    before = contents(run) | {"run.json": (run.path / "run.json").read_bytes()}
    resume(Run(run.path))
    assert before == contents(run) | {"run.json": (run.path / "run.json").read_bytes()}


def test_only_the_number_of_epochs_may_change(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=1), tmp_path / "out")
    with pytest.raises(UserError) as error:
        resume(Run(run.path), ["optimizer.lr=0.5"])
    assert str(error.value) == (
        "optimizer.lr: cannot change when a run is resumed; start a new run, or change train.epochs alone"
    )


def test_fewer_epochs_than_there_are_cannot_be_asked_for(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=3), tmp_path / "out")
    with pytest.raises(UserError) as error:
        resume(Run(run.path), ["train.epochs=2"])
    assert str(error.value) == "train.epochs: small-001 has 3 epochs already; write a larger number"


# --- what a run leaves


def test_the_model_scores_as_run_json_says(tmp_path: Path) -> None:
    for changes in ({"train__ema_decay": 0.9}, {"train__early_stopping": {"patience": 1}}, {}):
        run = train(config(rows(tmp_path), **changes), tmp_path / "out")
        model, predictions = load_model(run), run.predictions
        X = np.load(tmp_path / "rows.npz")["X"]
        np.testing.assert_allclose(
            model.predict(X[predictions["test_rows"]]), predictions["test_output"], rtol=0, atol=1e-6
        )
        right = predictions["test_output"].argmax(axis=1) == predictions["test_y"]
        assert run.info["test"]["accuracy"] == pytest.approx(right.mean())


def test_the_log_is_of_the_averaged_weights_that_are_scored_and_saved(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__ema_decay=0.9), tmp_path / "out")
    plain = train(config(rows(tmp_path)), tmp_path / "out")
    saved = np.load(run.path / "model.npz")
    for name in ("hidden_1.W", "hidden_1.b", "output.W"):
        logged = run.weights(name)
        np.testing.assert_array_equal(logged[-1], saved[f"parameters/{name}"])
        np.testing.assert_array_equal(logged[0], plain.weights(name)[0])
        assert not np.allclose(logged[-1], plain.weights(name)[-1], atol=1e-3)
    W, b = run.weights("hidden_1.W")[-1], run.weights("hidden_1.b")[-1]
    np.testing.assert_allclose(run.activations("hidden_1")[-1], np.tanh(run.probe["X"] @ W + b), rtol=0, atol=1e-5)
    for column in ("param_norm", "update_norm"):  # the optimizer's own weights
        np.testing.assert_array_equal(run.steps[column], plain.steps[column])


def test_the_best_epochs_scores_are_the_models(tmp_path: Path) -> None:
    stopping = {"monitor": "val_loss", "patience": 2}
    run = train(
        config(rows(tmp_path), optimizer={"type": "adam", "lr": 0.5}, train__early_stopping=stopping, train__epochs=30),
        tmp_path / "out",
    )
    losses = run.metrics["val_loss"]
    assert run.info["best_epoch"] == losses.argmin() + 1 < len(losses)
    assert run.info["val"]["loss"] == pytest.approx(losses.min(), rel=1e-6)
    assert run.info["status"] == ("stopped" if len(losses) < 30 else "finished")


def test_a_diverged_run_keeps_its_log_and_says_where(tmp_path: Path) -> None:
    with pytest.raises(Diverged):
        train(
            config(rows(tmp_path), optimizer={"type": "sgd", "lr": 1e30}, layers=[{"type": "dense", "units": 5}]),
            tmp_path / "out",
        )
    run = Run(tmp_path / "out" / "small-001")
    assert run.info["status"] == "diverged"
    assert run.info["diverged"].keys() == {"epoch", "step", "layer", "what"}
    assert len(run.weights("hidden_1.W")) == 1
    assert not (run.path / "model.npz").exists()


def test_run_json_is_json_that_any_reader_takes(tmp_path: Path) -> None:
    split = {"train": 0.9, "val": 0.1, "test": 0.0}
    run = train(config(rows(tmp_path, n=20), data__split=split), tmp_path / "out")

    def refuse(word: str) -> None:
        raise AssertionError(word)

    info = json.loads((run.path / "run.json").read_text(), parse_constant=refuse)
    assert info["test"] is None
    assert info["rows_a_step"] == 8


@pytest.mark.parametrize("parts", [(1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5)])
@pytest.mark.parametrize("classes", [3, 0])
def test_parts_may_be_empty(parts: tuple[float, float, float], classes: int, tmp_path: Path) -> None:
    split = dict(zip(("train", "val", "test"), parts, strict=True))
    run = train(config(rows(tmp_path, classes=classes), data__split=split, train__epochs=2), tmp_path / "out")
    assert [run.info[part] is not None for part in ("train", "val", "test")] == [share > 0 for share in parts]
    assert np.isnan(run.metrics["val_loss"]).all() == (parts[1] == 0)


def test_two_rows_are_enough(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", X=np.array([[0.0], [1.0]]), y=np.array([0, 1]))
    split = {"train": 1.0, "val": 0.0, "test": 0.0}
    run = train(config(str(tmp_path / "two.npz"), data__split=split, train__epochs=2), tmp_path / "out")
    assert run.info["status"] == "finished"


def test_several_numbers_are_predicted_in_their_own_units(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(80, 3))
    y = X @ rng.normal(size=(3, 2)) * [1.0, 1000.0] + [0.0, 5000.0]
    np.savez(tmp_path / "two.npz", X=X, y=y)
    run = train(config(str(tmp_path / "two.npz"), optimizer={"type": "adam", "lr": 0.02}, train__epochs=60), tmp_path)
    predictions = run.predictions
    errors = predictions["test_y"] - predictions["test_output"]
    assert predictions["test_output"].shape == (16, 2)
    assert run.info["test"]["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2, axis=0)).mean())
    assert run.info["test"]["mae"] == pytest.approx(np.abs(errors).mean())
    r2 = 1 - (errors**2).sum(axis=0) / ((predictions["test_y"] - predictions["test_y"].mean(axis=0)) ** 2).sum(axis=0)
    assert run.info["test"]["r2"] == pytest.approx(r2.mean())
    assert r2.mean() > 0.5


# --- starting from an earlier run


@pytest.fixture
def earlier(tmp_path: Path) -> Run:
    layers = [DENSE, "batch_norm", {"type": "dense", "units": 4}]
    return train(config(rows(tmp_path), layers=layers), tmp_path / "out")


def test_all_parameters_start_as_the_earlier_run_left_them(earlier: Run, tmp_path: Path) -> None:
    wanted = config(
        rows(tmp_path),
        layers=[DENSE, "batch_norm", {"type": "dense", "units": 4}],
        init_from={"run": "small-001"},
        seed=7,
        train__epochs=1,
    )
    run = train(wanted, tmp_path / "out")
    for name in run.parameter_names:
        np.testing.assert_array_equal(run.weights(name)[0], earlier.model[f"parameters/{name}"])
    assert run.info["notices"] == [
        "init_from: all parameters start as small-001 left them",
        "init_from: small-001 scaled its features otherwise: it was trained on other rows",
    ]
    assert run.config["init_from"] == {"run": str(earlier.path), "parameters": None}


def test_some_parameters_start_as_the_earlier_run_left_them(earlier: Run, tmp_path: Path) -> None:
    wanted = config(
        rows(tmp_path),
        layers=[DENSE, "batch_norm", {"type": "dense", "units": 9}],
        init_from={"run": "small-001", "parameters": ["hidden_1", "output.b"]},
        train__epochs=1,
    )
    run = train(wanted, tmp_path / "out")
    taken = [
        name
        for name in run.parameter_names
        if run.weights(name)[0].shape == earlier.model[f"parameters/{name}"].shape
        and (run.weights(name)[0] == earlier.model[f"parameters/{name}"]).all()
    ]
    assert taken == ["hidden_1.W", "hidden_1.b", "output.b"]
    assert run.info["notices"] == ["init_from: hidden_1.W, hidden_1.b, output.b start as small-001 left them"]


def test_running_statistics_come_with_their_layer(earlier: Run, tmp_path: Path) -> None:
    from nn_scratch.experiments.build import build
    from nn_scratch.experiments.train import with_absolute_paths

    wanted = config(
        rows(tmp_path),
        layers=[DENSE, "batch_norm"],
        init_from={"run": "small-001", "parameters": ["hidden_1.batch_norm"]},
    )
    network = build(with_absolute_paths(wanted, tmp_path / "out")).network
    for name, values in network.named_state(network.state).items():
        np.testing.assert_array_equal(values, earlier.model[f"state/{name}"])


@pytest.mark.parametrize(
    ("init_from", "layers", "problems"),
    [
        ({"run": "small-01"}, [DENSE], ["small-01: no such run under OUT; did you mean 'small-001'?"]),
        (
            {"run": "small-001", "parameters": ["hiden_1"]},
            [DENSE],
            ["init_from.parameters: this network has no hiden_1; did you mean 'hidden_1'?"],
        ),
        (
            {"run": "small-001"},
            [DENSE, {"type": "dense", "units": 6}, {"type": "dense", "units": 4}],
            [
                "init_from: hidden_2.W is 5 x 4 in small-001 and 5 x 6 here; name those to take in "
                "init_from.parameters",
                "init_from: hidden_2.b is 4 in small-001 and 6 here; name those to take in init_from.parameters",
                "init_from: small-001 has no hidden_3.W; name those to take in init_from.parameters",
                "init_from: small-001 has no hidden_3.b; name those to take in init_from.parameters",
            ],
        ),
    ],
)
def test_parameters_that_do_not_fit_are_reported(
    init_from: dict[str, Any], layers: list[Any], problems: list[str], earlier: Run, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        train(config(rows(tmp_path), layers=layers, init_from=init_from), tmp_path / "out")
    assert [problem.replace(str(tmp_path / "out"), "OUT") for problem in error.value.problems] == problems
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["small-001"]


def test_a_run_started_from_another_resumes_to_the_same_bytes(earlier: Run, tmp_path: Path) -> None:
    wanted = config(rows(tmp_path), layers=[DENSE], init_from={"run": str(earlier.path), "parameters": ["hidden_1"]})
    whole = train(wanted, tmp_path / "whole")
    run, stops = run_with_stops(wanted, tmp_path / "stopped", [6, 11])
    assert stops == 2
    assert differing(whole, run) == []


# --- row weights


def test_a_column_of_a_table_weighs_the_rows(tmp_path: Path) -> None:
    """Two classes that features do not tell apart: the probabilities are the weights' shares."""
    lines = ["x,weight,class"] + [f"{i % 2},{3 if i % 4 < 2 else 1},{'a' if i % 4 < 2 else 'b'}" for i in range(200)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    run = train(
        config(str(tmp_path / "t.csv"), data__weight="weight", layers=[], train__epochs=60, optimizer__lr=0.2),
        tmp_path / "out",
    )
    assert run.card["weight"] == "weight"
    assert run.card["feature_statistics"]["name"] == ["x"]
    output = run.predictions["test_output"]
    assert abs(output[:, 0] - 0.75).max() < 0.05


def test_the_loss_of_every_part_is_weighted_and_its_other_scores_are_not(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).uniform(0, 3, 60)
    run = train(config(rows(tmp_path, w=weights), data__weight="w"), tmp_path / "out")
    predictions = run.predictions
    P, y, w = predictions["test_output"], predictions["test_y"], weights[predictions["test_rows"]]
    losses = -np.log(P[np.arange(len(y)), y])
    assert run.info["test"]["loss"] == pytest.approx((losses * w).sum() / w.sum(), rel=1e-5)
    assert run.info["test"]["log_loss"] == pytest.approx(losses.mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("column", "weight", "expected"),
    [
        ("w", "v", "PATH:1: data.weight: no column 'v'; one of: w, x, y"),
        ("w", 7, "PATH:1: data.weight: no column 7; they are counted from 0 to 2"),
        ("w", "y", "PATH:1: data.target and data.weight both name 'y'; take it out of one"),
        (-1, "w", "PATH: data.weight: 'w' holds -1 in row 1; a weight is 0 or more"),
        (0, "w", "PATH: data.weight: 'w' is 0 in every row to train on; nothing would be learned"),
        ("", "w", "PATH:2:2: '' in column 'w' is no value; write one; 0 leaves the row out of the loss"),
    ],
)
def test_weights_that_are_none_are_reported(column: Any, weight: Any, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    values = [str(column) if isinstance(column, int) or not column else "1"] * 20
    path.write_text("\n".join(["x,w,y", *(f"{i / 7:.3f},{w},{'ab'[i % 2]}" for i, w in enumerate(values))]))
    with pytest.raises(UserError) as error:
        train(config(str(path), data__weight=weight, data__target="y"), tmp_path / "out")
    assert error.value.problems[0].replace(str(path), "PATH") == expected


def test_what_has_no_columns_has_none_of_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        train(config("iris", data__weight="w"), tmp_path / "out")
    assert str(error.value) == (
        "data.weight: built in: iris has no column of weights; write null, or bring a .csv with one, or an .npz with "
        "an array of them"
    )


def test_a_config_that_cannot_be_built_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        train(config("iris", class_weight={"rose": 2}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_log_is_the_same_however_many_epochs_wait_in_memory(tmp_path: Path) -> None:
    wanted = config(rows(tmp_path, n=100), layers=[DENSE, "dropout", {"type": "dense", "units": 4}], train__epochs=9)

    def one_at_a_time(session: Any) -> list[Any]:
        session.built.epoch_statistics.capacity = session.built.trainer.step_statistics.capacity = 1
        return []

    many = train(wanted, tmp_path / "a")
    one = train(wanted, tmp_path / "b", one_at_a_time)
    assert differing(many, one) == []
    shutil.rmtree(one.path)


# --- several labels a row


def labels(folder: Path, n: int = 120, bad: str = "1") -> str:
    """The path of a table of three labels, of which each row may have any."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, 3))
    L = (X @ rng.normal(size=(3, 3)) + 0.3 * rng.normal(size=(n, 3)) > [0.0, 0.4, -0.4]).astype(int)
    lines = [",".join([*(f"{x:.5f}" for x in features), *map(str, row)]) for features, row in zip(X, L, strict=True)]
    first = lines[0].rpartition(",")[0]
    path = folder / "labels.csv"
    path.write_text("\n".join(["a,b,c,urgent,spam,long", f"{first},{bad}", *lines[1:]]))
    return str(path)


LABELS: dict[str, Any] = {"data__target": ["urgent", "spam", "long"], "loss": "binary_cross_entropy"}


def test_a_list_of_targets_with_binary_cross_entropy_is_several_labels(tmp_path: Path) -> None:
    source = labels(tmp_path)
    run = train(config(source, **LABELS, optimizer={"type": "adam", "lr": 0.02}, train__epochs=20), tmp_path / "out")
    predictions = run.predictions
    y, P = predictions["test_y"], predictions["test_output"]
    losses = -(y * np.log(P) + (1 - y) * np.log(1 - P))
    right = (P >= 0.5) == (y == 1)
    assert run.card["task"] == "multi_label"
    assert run.info["test"]["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert run.info["test"]["log_loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert run.info["test"]["accuracy"] == pytest.approx(right.mean())
    assert run.info["test"]["exact_match"] == pytest.approx(right.all(axis=1).mean())
    assert run.info["test"]["recall"] == {
        name: pytest.approx(right[:, k][y[:, k] == 1].mean()) for k, name in enumerate(("urgent", "spam", "long"))
    }
    assert run.info["test"]["accuracy"] > 0.85
    X = np.loadtxt(source, delimiter=",", skiprows=1)[predictions["test_rows"], :3]
    np.testing.assert_allclose(load_model(run).predict(X), P, rtol=0, atol=1e-6)


def test_labels_are_stopped_and_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    wanted = config(labels(tmp_path), **LABELS, train__early_stopping={"monitor": "val_exact_match"})
    whole = train(wanted, tmp_path / "whole")
    run, stops = run_with_stops(wanted, tmp_path / "stopped", [10, 25])
    assert stops == 2
    assert differing(whole, run) == []


def test_new_rows_get_the_labels_that_are_likely(tmp_path: Path) -> None:
    source = labels(tmp_path)
    run = train(config(source, **LABELS, train__epochs=30), tmp_path / "out")
    text, _ = predict_file(run, source, None)
    header, *lines = csv.reader(text.splitlines())  # where no label is likely, the cell is empty, and quoted
    assert header == ["prediction", "p(urgent)", "p(spam)", "p(long)"]
    assert len(lines) == 120
    for said, *shares in lines:
        likely = [name for name, p in zip(("urgent", "spam", "long"), shares, strict=True) if float(p) >= 0.5]
        assert said == ";".join(likely)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "data.target: 'long' holds 2; the labels of data.task: multi_label are 0 or 1"),
        (
            {"data__task": "classification"},
            "data.target: 'urgent', 'spam' and 'long': classification has one target; name one, or write data.task: "
            "multi_label if each is a label of its own, 0 or 1",
        ),
        ({"class_weight": "balanced"}, "data.target: 'long' holds 2; the labels of data.task: multi_label are 0 or 1"),
        (
            {"loss": "mse", "data__task": "multi_label"},
            "loss: mse is no loss for multi_label (data.task); write binary_cross_entropy",
        ),
        (
            {"data__task": "multi_label", "class_weight": "balanced"},
            "class_weight: a multi_label (data.task) has no classes to weigh; write null",
        ),
    ],
)
def test_labels_that_are_none_are_reported(changes: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        train(config(labels(tmp_path, bad="2"), **LABELS | changes), tmp_path / "out")
    assert str(error.value) == expected


def test_an_array_of_labels_is_taken_with_its_task(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", X=rng.normal(size=(60, 2)), y=rng.integers(2, size=(60, 2)))
    wanted = config(str(tmp_path / "a.npz"), data__task="multi_label", train__epochs=1)
    assert train(wanted, tmp_path / "out").card["target"] == ["y1", "y2"]


def test_built_in_data_has_no_labels(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        train(config("iris", data__task="multi_label"), tmp_path / "out")
    assert str(error.value) == "data.task: built in: iris has one target; multi_label needs columns of 0 and 1"
