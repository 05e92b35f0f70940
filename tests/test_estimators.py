"""The estimators are scikit-learn's in every way that its users rely on, and do what they have asked for besides."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from nn_scratch import MLPClassifier, MLPRegressor
from nn_scratch.config.resolve import config_from
from nn_scratch.estimators.fits import FittedNetwork
from nn_scratch.experiments.build import build
from nn_scratch.experiments.train import train
from tests.small import Quiet

ESTIMATORS = (MLPClassifier, MLPRegressor)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_IRIS = StandardScaler().fit_transform(X_IRIS)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(**parameters: Any) -> MLPClassifier:
    return MLPClassifier(**{"hidden_layer_sizes": 8, "max_iter": 15, "random_state": 0} | parameters)


def scaled(load: Any, seed: int = 0) -> tuple[np.ndarray, ...]:
    parts = train_test_split(*load(return_X_y=True), random_state=seed)
    scaler = StandardScaler().fit(parts[0])
    return scaler.transform(parts[0]), scaler.transform(parts[1]), parts[2], parts[3]


# --- as scikit-learn's


@pytest.mark.parametrize(("estimator", "least"), [(MLPClassifier, 60), (MLPRegressor, 55)])
@pytest.mark.filterwarnings("ignore")
def test_every_check_of_scikit_learn_passes(estimator: type, least: int) -> None:
    results = check_estimator(estimator(), on_fail=None, on_skip=None)
    counts = Counter(result["status"] for result in results)
    assert counts["passed"] >= least
    assert set(counts) <= {"passed", "skipped"}, [r for r in results if r["status"] not in ("passed", "skipped")]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"solver": "sgd", "learning_rate_init": 0.05},
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.3},
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.05},
        {"solver": "lbfgs"},
        {"activation": "tanh", "alpha": 0.1, "hidden_layer_sizes": (30, 10)},
        {"early_stopping": True, "learning_rate_init": 0.01},
    ],
    ids=str,
)
def test_classes_are_learned_as_well_as_by_scikit_learn(parameters: dict[str, Any]) -> None:
    X, X_test, y, y_test = scaled(load_breast_cancer)
    scores = [
        np.mean([model(random_state=seed, **parameters).fit(X, y).score(X_test, y_test) for seed in range(3)])
        for model in (MLPClassifier, TheirClassifier)
    ]
    assert scores[0] > scores[1] - 0.015


@pytest.mark.parametrize(
    "parameters",
    [{"solver": "lbfgs", "alpha": 10.0}, {"learning_rate_init": 0.01}, {"solver": "sgd", "alpha": 0.1}],
    ids=str,
)
def test_numbers_are_learned_as_well_as_by_scikit_learn(parameters: dict[str, Any]) -> None:
    X, X_test, y, y_test = scaled(load_diabetes)
    y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    models = [model(random_state=0, hidden_layer_sizes=20, **parameters) for model in (MLPRegressor, TheirRegressor)]
    ours, theirs = (model.fit(X, y).score(X_test, y_test) for model in models)
    assert ours > theirs - 0.05


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("several", "alpha"), [(False, 0.0), (True, 1.0)])
def test_a_step_of_a_regression_is_scikit_learns(momentum: float, several: bool, alpha: float) -> None:
    """From the same weights, on one batch, three epochs of SGD with a penalty end in the same weights."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2) if several else 40)
    shared = {"solver": "sgd", "momentum": momentum, "alpha": alpha, "activation": "tanh", "shuffle": False}
    shared |= {"hidden_layer_sizes": 4, "learning_rate_init": 0.1, "batch_size": 40, "warm_start": True}
    ours, theirs = MLPRegressor(**shared, max_iter=1), TheirRegressor(**shared, max_iter=1)
    ours.fit(X, y)
    theirs.fit(X, y)
    for mine, given in zip([*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        mine[...] = given
    for model in (ours, theirs):
        model.set_params(max_iter=3).fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)


def test_pipelines_searches_and_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 15, "colour": ["red", "blue", "red", "blue"] * 15})
    y = np.array(["small", "small", "large", "large"] * 15)
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["size"]), ("words", OneHotEncoder(sparse_output=False), ["colour"])]
    )
    pipeline = make_pipeline(columns, small(max_iter=60, learning_rate_init=0.05))
    search = GridSearchCV(pipeline, {"mlpclassifier__hidden_layer_sizes": [(4,), (8, 4)]}, cv=3, n_jobs=2)
    search.fit(frame, y)
    assert search.best_score_ == 1.0
    assert search.predict(frame[:2]).tolist() == ["small", "small"]
    assert cross_val_score(small(max_iter=60, learning_rate_init=0.05), X_IRIS, Y_IRIS).mean() > 0.9
    with config_context(transform_output="pandas"):
        assert pipeline.fit(frame, y).score(frame, y) == 1.0


def test_sample_weights_and_validation_rows_are_routed() -> None:
    with config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True, X_val=True, y_val=True)
        model.set_score_request(sample_weight=False)
        search = GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=2)
        search.fit(X_IRIS, Y_IRIS, sample_weight=np.ones(150), X_val=X_IRIS, y_val=Y_IRIS)
        assert len(search.best_estimator_.validation_loss_curve_) == 15


@pytest.mark.parametrize("store", ["pickle", "joblib", "deepcopy"])
def test_a_fitted_estimator_can_be_stored(store: str) -> None:
    model = small(batch_norm=True, activation=[{"type": "leaky_relu", "slope": 0.1}]).fit(X_IRIS, Y_IRIS)
    if store == "deepcopy":
        again = copy.deepcopy(model)
    elif store == "pickle":
        again = pickle.loads(pickle.dumps(model))
    else:
        file = io.BytesIO()
        joblib.dump(model, file)
        file.seek(0)
        again = joblib.load(file)
    np.testing.assert_array_equal(again.predict_proba(X_IRIS), model.predict_proba(X_IRIS))
    again.coefs_[0][...] = 0.0  # the arrays are the network's own, in the copy, too
    assert not np.array_equal(again.predict_proba(X_IRIS), model.predict_proba(X_IRIS))
    assert clone(again).get_params() == model.get_params()


def test_pickles_of_earlier_versions_name_what_is_still_there() -> None:
    names = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor, "_Network": FittedNetwork}
    for name, found in names.items():
        assert pickle.loads(f"cnn_scratch.estimators\n{name}\n.".encode()) is found


def test_a_subclass_may_have_other_parameters() -> None:
    class Narrow(MLPClassifier):
        def __init__(self, width: int = 3) -> None:
            super().__init__((width,), max_iter=2, random_state=0)
            self.width = width

    assert clone(Narrow(4)).set_params(width=5).width == 5
    assert Narrow(4).fit(X_IRIS, Y_IRIS).coefs_[0].shape == (4, 4)


def test_a_pickle_holds_no_rows() -> None:
    X = np.random.default_rng(0).normal(size=(5000, 20))
    model = small(max_iter=1).fit(X, X[:, 0] > 0)
    assert len(pickle.dumps(model)) < X.nbytes / 10


def test_predictions_in_many_threads_are_those_in_one() -> None:
    model = small().fit(X_IRIS, Y_IRIS)
    expected = model.predict_proba(X_IRIS)
    found = joblib.Parallel(n_jobs=4, prefer="threads")(joblib.delayed(model.predict_proba)(X_IRIS) for _ in range(50))
    for one in found:
        np.testing.assert_array_equal(one, expected)


# --- the same loop as train.py's


def test_a_fit_trains_as_the_same_config_does(tmp_path: Path) -> None:
    """With log_dir the rows are written beside the run, whose own config repeats it to the last bit."""
    plain = small(dropout=0.2, early_stopping=True).fit(X_IRIS, Y_IRIS)
    logged = small(dropout=0.2, early_stopping=True, log_dir=tmp_path).fit(X_IRIS, Y_IRIS)
    np.testing.assert_array_equal(plain.coefs_[0], logged.coefs_[0])
    assert logged.run_.status in ("finished", "stopped")
    again = train(config_from(logged.run_.config), tmp_path / "again")
    np.testing.assert_array_equal(again.model["parameters/hidden_1.W"], logged.coefs_[0].astype(np.float64))
    assert logged.run_.metrics["val_loss"].tolist() == pytest.approx(logged.validation_loss_curve_)
    assert not hasattr(plain, "run_")


def test_a_logged_fit_keeps_the_names_of_its_columns(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    names = ["sepal length", "sepal width", "Länge", "花瓣"]
    model = small(max_iter=3, log_dir=tmp_path).fit(pandas.DataFrame(X_IRIS, columns=names), Y_IRIS)
    assert list(model.run_.model.columns) == names
    assert [feature["name"] for feature in model.run_.log.card["columns"]] == names


def test_a_fit_takes_no_more_steps_and_passes_than_the_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is the trainer's own: as many passes over the network, and the same weights at the end."""
    from nn_scratch.nn.network import Graph

    passes: list[int] = []
    forward = Graph.forward
    monkeypatch.setattr(Graph, "forward", lambda graph, X: passes.append(graph.rows) or forward(graph, X))
    model = small().fit(X_IRIS, Y_IRIS)
    by_estimator, passes[:] = list(passes), []
    repeat = model._repeat
    built = build(repeat.config, model._built(repeat.config, repeat.rows).data)
    built.trainer.run(Quiet())
    assert passes == by_estimator
    np.testing.assert_array_equal(built.network.theta, model._fitted.network.theta)


# --- what scikit-learn has not


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 8.0, 2: 1.0}])
def test_class_weights_are_row_weights(weights: Any) -> None:
    rows = np.r_[0:50, 50:60, 100:150]
    X, y = X_IRIS[rows], Y_IRIS[rows]
    counts = np.bincount(y)
    by_class = len(y) / (3 * counts) if weights == "balanced" else np.array([1.0, 8.0, 1.0])
    ours = small(class_weight=weights).fit(X, y)
    rows_weighed = small().fit(X, y, sample_weight=by_class[y])
    np.testing.assert_array_equal(ours.coefs_[0], rows_weighed.coefs_[0])
    assert not np.array_equal(ours.coefs_[0], small().fit(X, y).coefs_[0])


def test_layers_in_the_form_of_the_config() -> None:
    layers = [
        {"type": "dense", "units": 12, "activation": "identity"},
        "batch_norm",
        {"type": "activation", "activation": {"type": "leaky_relu", "slope": 0.2}},
        {"type": "residual", "layers": [{"type": "dense", "units": 12, "activation": "gelu"}]},
        {"type": "dropout", "rate": 0.1},
    ]
    model = MLPClassifier(hidden_layers=layers, learning_rate_init=0.01, max_iter=60, random_state=0)
    assert model.fit(X_IRIS, Y_IRIS).score(X_IRIS, Y_IRIS) > 0.95
    assert [w.shape for w in model.coefs_] == [(4, 12), (12, 12), (12, 3)]


def test_an_activation_a_layer_dropout_and_batch_norm() -> None:
    model = small(hidden_layer_sizes=(6, 5), activation=["tanh", "mish"], dropout=(0.0, 0.3), batch_norm=True)
    kinds = [layer.registered_name for layer in model.fit(X_IRIS, Y_IRIS)._fitted.network.layers]
    assert kinds == ["dense", "batch_norm", "activation", "dense", "batch_norm", "activation", "dropout", "dense"]


def test_schedules_optimizers_and_losses_by_name() -> None:
    optimizer, loss = {"type": "adamw", "lr": 0.05}, {"type": "focal", "gamma": 1.0}
    model = small(schedule="cosine", optimizer=optimizer, loss=loss, max_iter=60, batch_size=16).fit(X_IRIS, Y_IRIS)
    assert model.score(X_IRIS, Y_IRIS) > 0.95
    assert model._fitted.loss.registered_name == "focal"
    huber = MLPRegressor(loss={"type": "huber", "delta": 0.5}, learning_rate_init=0.03, random_state=0)
    assert huber.fit(X_IRIS, Y_IRIS).score(X_IRIS, Y_IRIS) > 0.5


def test_validation_rows_of_ones_own_decide_when_to_stop() -> None:
    X, X_val, y, y_val = train_test_split(X_IRIS, Y_IRIS, random_state=0)
    model = small(early_stopping=True, n_iter_no_change=3, max_iter=500, learning_rate_init=0.05)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    assert model.n_iter_ < 500
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_
    assert model.score(X_val, y_val) == model.best_validation_score_ == max(model.validation_scores_)
    with pytest.raises(ValueError, match=r"^X_val and y_val belong together: give both or neither$"):
        model.fit(X, y, X_val=X_val)


def test_partial_fit_with_early_stopping_keeps_the_best_and_stops() -> None:
    X, X_val, y, y_val = train_test_split(X_IRIS, Y_IRIS, random_state=0)
    model = small(early_stopping=True, n_iter_no_change=4, learning_rate_init=0.05)
    for _ in range(300):
        model.partial_fit(X, y, classes=[0, 1, 2], X_val=X_val, y_val=y_val)
    assert model.n_iter_ < 300
    assert model.score(X_val, y_val) == max(model.validation_scores_)
    with pytest.warns(ConvergenceWarning, match="early stopping has ended training"):
        model.partial_fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fits_are_one_fit(solver: str) -> None:
    """The optimizer, the order of rows and the dropout go on as in one training; also after a pickle."""
    whole = small(solver=solver, dropout=0.2, max_iter=6, n_iter_no_change=np.inf).fit(X_IRIS, Y_IRIS)
    parts = small(solver=solver, dropout=0.2)
    for _ in range(6):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])))
    np.testing.assert_allclose(parts.coefs_[0], whole.coefs_[0], rtol=1e-12)
    assert (parts.n_iter_, parts.t_) == (whole.n_iter_, whole.t_) == (6, 900)


def test_warm_start_goes_on_with_the_weights(tmp_path: Path) -> None:
    model = small(warm_start=True, log_dir=tmp_path).fit(X_IRIS, Y_IRIS)
    before = model.coefs_[0].copy()
    model.fit(X_IRIS, Y_IRIS)
    np.testing.assert_array_equal(model.run_.weights("hidden_1")[0], before.astype(np.float32))
    assert len(model.loss_curve_) == 30
    with pytest.raises(ValueError, match=r"^the layers are not those of the previous fit"):
        model.set_params(hidden_layer_sizes=9).fit(X_IRIS, Y_IRIS)


def test_several_labels() -> None:
    X, Y = make_multilabel_classification(200, 10, n_classes=4, random_state=0)
    model = small(hidden_layer_sizes=30, max_iter=300, batch_size=32, class_weight="balanced", learning_rate_init=0.01)
    model.fit(X, Y)
    assert model.predict_proba(X).shape == (200, 4)
    assert model.score(X, Y) > 0.8
    assert model.diagnosis_.verdict in ("healthy", "inconclusive", "sick")


def test_callbacks_see_every_epoch_and_can_end_training() -> None:
    seen: list[float] = []
    small(callbacks=[lambda epoch, scores: seen.append(scores["train_loss"])]).fit(X_IRIS, Y_IRIS)
    assert len(seen) == 15
    assert small(callbacks=[lambda epoch, scores: epoch == 3]).fit(X_IRIS, Y_IRIS).n_iter_ == 3


# --- the doctor


@pytest.mark.parametrize("logged", [False, True])
def test_callbacks_of_scikit_learn_see_the_epochs(logged: bool, tmp_path: Path) -> None:
    callbacks = pytest.importorskip("sklearn.callback")
    pytest.importorskip("pandas")
    monitor = callbacks.ScoringMonitor(scoring="accuracy")
    model = small(max_iter=4, log_dir=tmp_path if logged else None).set_callbacks(monitor).fit(X_IRIS, Y_IRIS)
    rows = monitor.get_logs().data
    scores = [row["accuracy"] for row in rows if row["task_name"] == "epoch"]
    each = [small(max_iter=epochs).fit(X_IRIS, Y_IRIS).score(X_IRIS, Y_IRIS) for epochs in (1, 2, 3, 4)]
    assert scores == pytest.approx(each)
    assert [row["accuracy"] for row in rows if row["task_name"] == "fit"] == [model.score(X_IRIS, Y_IRIS)]
    np.testing.assert_array_equal(model.coefs_[0], small(max_iter=4).fit(X_IRIS, Y_IRIS).coefs_[0])
    search = GridSearchCV(make_pipeline(StandardScaler(), clone(model)), {"mlpclassifier__alpha": [0.1, 0.2]}, cv=2)
    search.fit(X_IRIS, Y_IRIS)
    log = monitor.get_logs()
    assert log.estimator_name == "GridSearchCV"
    assert sum(row["task_name"] == "epoch" for row in log.data) == (2 * 2 + 1) * 4  # two folds of two, and the best


class StopsAtThree:
    """A callback of scikit-learn that ends training with the third epoch."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.calls.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        self.calls.append(f"end {context.task_name}")
        return self.calls.count("end epoch") == 3


def test_a_callback_of_scikit_learn_ends_training() -> None:
    pytest.importorskip("sklearn.callback")
    callback = StopsAtThree()
    assert small().set_callbacks(callback).fit(X_IRIS, Y_IRIS).n_iter_ == 3
    epochs = ["begin epoch", "end epoch"] * 3
    assert callback.calls == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    with pytest.raises(ValueError, match="must be an integer"):
        small(max_iter=0).set_callbacks(callback).fit(X_IRIS, Y_IRIS)


def test_the_doctor_says_what_is_wrong_with_a_fit(tmp_path: Path) -> None:
    X, _, y, _ = scaled(load_digits)
    slow = small(learning_rate_init=1e-6, early_stopping=True, max_iter=10, hidden_layer_sizes=32).fit(X, y)
    assert slow.diagnosis_.verdict == "sick"
    assert slow.diagnosis_.findings[0].rule == "lr_too_low"
    logged = clone(slow).set_params(log_dir=tmp_path).fit(X, y)
    assert logged.diagnosis_.to_json() == slow.diagnosis_.to_json()


def test_a_diagnosis_needs_the_rows_of_the_fit() -> None:
    X = X_IRIS.copy()
    model = small().fit(X, Y_IRIS)
    X += 1.0
    with pytest.raises(AttributeError, match="have changed since"):
        _ = model.diagnosis_
    with pytest.raises(AttributeError, match="a pickle no rows"):
        _ = pickle.loads(pickle.dumps(small().fit(X, Y_IRIS))).diagnosis_
    with pytest.raises(NotFittedError):
        _ = small().diagnosis_


# --- what goes wrong


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_iter": 0}, "max_iter must be an integer >= 1, got 0"),
        ({"tol": -1}, "tol must be a number >= 0, got -1"),
        ({"solver": "adma"}, "solver must be one of lbfgs, sgd, adam, got 'adma'"),
        ({"batch_size": 0}, "batch_size must be 'auto' or an integer >= 1, got 0"),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be > 0, got [3, 0]."),
        ({"learning_rate_init": -1.0}, "learning_rate_init: must be a number above 0, not -1.0"),
        (
            {"hidden_layers": [{"type": "dense", "untis": 3}]},
            "hidden_layers[0].untis: unknown key; did you mean 'units'?",
        ),
        (
            {"activation": ["relu"], "hidden_layer_sizes": (3, 3)},
            "activation: 1 functions for 2 hidden layers; give one for each, or one for all",
        ),
    ],
    ids=str,
)
def test_a_parameter_that_cannot_be_is_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        MLPClassifier(**parameters).fit(X_IRIS, Y_IRIS)
    assert message in str(error.value)


def test_divergence_is_reported_with_its_cause() -> None:
    model = MLPRegressor(solver="sgd", learning_rate_init=1e6, random_state=0)
    with pytest.raises(
        ValueError, match=r"^Solver produced non-finite parameter weights.*Training diverged in epoch \d+"
    ):
        model.fit(X_IRIS, Y_IRIS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        kept = model.set_params(early_stopping=True).fit(X_IRIS, Y_IRIS)
    assert np.isfinite(kept.predict(X_IRIS)).all()
    assert np.isnan(kept.validation_scores_[-1])
