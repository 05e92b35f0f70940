"""Training: every rule of it agrees with PyTorch, watching changes nothing, and early stopping keeps the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.errors import Diverged
from nn_scratch.experiments.build import Built
from nn_scratch.training.gradient_steps import Step
from nn_scratch.training.observers import Scores, StepSignals
from nn_scratch.training.regularization import Clip
from nn_scratch.training.trainer import StopRequested, Trainer
from tests.small import DENSE, Quiet, built, rows, trained

TOLERANCE = 1e-10
EPOCHS = 10


@pytest.fixture(scope="session")
def t() -> Any:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference, is not installed: pip install .[reference]")
    torch.set_num_threads(1)
    return torch


def plain(source: str, **changes: Any) -> Built:
    """A run in float64 whose batches are the rows in their order."""
    return built(
        source,
        **{
            "data__split": {"train": 1.0, "val": 0.0, "test": 0.0},
            "data__shuffle": False,
            "data__stratify": False,
            "train__shuffle": False,
            "train__dtype": "float64",
            "train__epochs": EPOCHS,
        }
        | changes,
    )


class Reference:
    """The same training in PyTorch: tanh, then relu, then logits; plain SGD."""

    def __init__(self, t: Any, built: Built) -> None:
        self.t, self.built = t, built
        trainer = built.trainer
        examples = trainer.train_examples
        self.X = t.tensor(examples.inputs[:, :-1])
        self.y = None if examples.labels is None else t.tensor(examples.labels)
        self.Y = t.tensor(examples.targets)
        self.w = t.ones(len(examples), dtype=t.float64) if examples.weights is None else t.tensor(examples.weights)
        named = built.network.named(built.network.theta)
        self.parameters = {name: t.tensor(values.copy(), requires_grad=True) for name, values in named.items()}
        self.optimizer = t.optim.SGD(list(self.parameters.values()), lr=trainer.optimizer.lr)

    @property
    def weights(self) -> list[Any]:
        return [tensor for name, tensor in self.parameters.items() if name.endswith(".W")]

    def losses(self, part: slice) -> Any:
        t, p = self.t, self.parameters
        H = t.tanh(self.X[part] @ p["hidden_1.W"] + p["hidden_1.b"])
        H = t.relu(H @ p["hidden_2.W"] + p["hidden_2.b"])
        Z = H @ p["output.W"] + p["output.b"]
        if self.y is None:
            return ((Z - self.Y[part]) ** 2).mean(dim=1)
        return t.nn.functional.cross_entropy(Z, self.y[part], reduction="none")

    def train(
        self,
        step_rows: int,
        penalty: Callable[[], Any] | None = None,
        before: Callable[[], Any] | None = None,
        after: Callable[[], Any] | None = None,
    ) -> None:
        n = len(self.X)
        for _ in range(EPOCHS):
            for start in range(0, n, step_rows):
                part = slice(start, start + step_rows)
                self.optimizer.zero_grad()
                w = self.w[part]
                loss = (self.losses(part) * w).sum() / w.sum()
                if penalty is not None:
                    loss = loss + penalty()
                loss.backward()
                if before is not None:
                    before()
                self.optimizer.step()
                if after is not None:
                    with self.t.no_grad():
                        after()

    def agrees(self, averaged: dict[str, Any] | None = None) -> bool:
        network = self.built.network
        theirs = averaged or self.parameters
        return all(
            np.abs(values - theirs[name].detach().numpy()).max() < TOLERANCE
            for name, values in network.named(network.theta).items()
        )


def moved(run: Built) -> bool:
    """Training did change the parameters, so that agreement says something."""
    return bool(np.abs(run.network.theta - run.epoch_statistics.start).max() > 0.05)


# --- agreement with PyTorch


def test_plain_training_agrees(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path))
    reference = Reference(t, run)
    reference.train(8)
    trained(run)
    assert moved(run)
    assert reference.agrees()


def test_l1_and_l2_act_on_weights_alone(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path), regularize={"l1": 0.01, "l2": 0.05})
    reference = Reference(t, run)
    reference.train(8, penalty=lambda: sum(0.01 * W.abs().sum() + 0.025 * (W**2).sum() for W in reference.weights))
    trained(run)
    assert reference.agrees()


def test_clip_norm_agrees(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path), regularize={"clip_norm": 0.1})
    reference = Reference(t, run)
    reference.train(8, before=lambda: t.nn.utils.clip_grad_norm_(reference.parameters.values(), 0.1))
    trained(run)
    assert moved(run)
    assert reference.agrees()


def test_clip_value_agrees(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path), regularize={"clip_value": 0.02})
    reference = Reference(t, run)
    reference.train(8, before=lambda: t.nn.utils.clip_grad_value_(reference.parameters.values(), 0.02))
    trained(run)
    assert moved(run)
    assert reference.agrees()


def test_entries_are_clipped_before_the_norm(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path), regularize={"clip_value": 0.02, "clip_norm": 0.05})
    reference = Reference(t, run)

    def clip() -> None:
        t.nn.utils.clip_grad_value_(reference.parameters.values(), 0.02)
        t.nn.utils.clip_grad_norm_(reference.parameters.values(), 0.05)

    reference.train(8, before=clip)
    trained(run)
    assert reference.agrees()


def test_max_norm_shortens_the_weights_into_each_unit(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path), regularize={"max_norm": 0.9})
    reference = Reference(t, run)

    def shorten() -> None:
        for W in reference.weights:  # (in, out): a unit's weights are a column
            W.mul_((0.9 / W.norm(dim=0)).clamp(max=1.0))

    reference.train(8, after=shorten)
    trained(run)
    assert reference.agrees()
    lengths = [
        np.linalg.norm(values, axis=0)
        for name, values in run.network.named(run.network.theta).items()
        if name.endswith(".W")
    ]
    assert max(length.max() for length in lengths) == pytest.approx(0.9, rel=1e-12)


def test_accumulated_batches_are_one_batch(t: Any, tmp_path: Path) -> None:
    """60 rows in batches of 8, three a step: steps of 24, 24 and 12 rows, the last of batches of 8 and 4."""
    run = plain(rows(tmp_path), train__accumulate=3)
    assert run.trainer.steps_per_epoch == 3
    reference = Reference(t, run)
    reference.train(24)
    trained(run)
    assert moved(run)
    assert reference.agrees()


def test_accumulated_batches_weigh_rows_over_all_of_them(t: Any, tmp_path: Path) -> None:
    weights = np.random.default_rng(1).uniform(0, 3, 60)
    run = plain(rows(tmp_path, w=weights), data__weight="w", train__accumulate=3, train__batch_size=7)
    reference = Reference(t, run)
    reference.train(21)
    trained(run)
    assert reference.agrees()


def test_averaged_weights_agree(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path), train__ema_decay=0.9)
    reference = Reference(t, run)
    model = t.nn.ParameterList(reference.parameters.values())
    average = t.optim.swa_utils.AveragedModel(model, multi_avg_fn=t.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    reference.train(8, after=lambda: average.update_parameters(model))
    trained(run)
    averaged = dict(zip(reference.parameters, average.module, strict=True))
    assert reference.agrees(averaged)
    assert not reference.agrees()


def test_row_weights_agree(t: Any, tmp_path: Path) -> None:
    weights = np.random.default_rng(1).uniform(0, 3, 60)
    run = plain(rows(tmp_path, w=weights), data__weight="w")
    reference = Reference(t, run)
    np.testing.assert_array_equal(reference.w, weights)
    reference.train(8)
    trained(run)
    assert reference.agrees()


def test_row_weights_agree_for_numbers(t: Any, tmp_path: Path) -> None:
    weights = np.random.default_rng(1).uniform(0, 3, 60)
    run = plain(rows(tmp_path, classes=0, w=weights), data__weight="w")
    reference = Reference(t, run)
    reference.train(8)
    trained(run)
    assert moved(run)
    assert reference.agrees()


def test_class_weights_agree(t: Any, tmp_path: Path) -> None:
    run = plain(rows(tmp_path), class_weight={"0": 3, "2": 0.5})
    reference = Reference(t, run)
    np.testing.assert_array_equal(reference.w, np.array([3.0, 1.0, 0.5])[reference.y])
    reference.train(8)
    trained(run)
    assert reference.agrees()


def test_row_and_class_weights_multiply(t: Any, tmp_path: Path) -> None:
    weights = np.random.default_rng(1).uniform(0, 3, 60)
    run = plain(rows(tmp_path, w=weights), data__weight="w", class_weight={"1": 4})
    reference = Reference(t, run)
    np.testing.assert_allclose(reference.w, weights * np.array([1.0, 4.0, 1.0])[reference.y])
    reference.train(8)
    trained(run)
    assert reference.agrees()


def test_rows_of_weight_0_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    weights = np.ones(60)
    weights[40:] = 0.0
    whole = plain(rows(tmp_path, w=weights), data__weight="w", train__batch_size=60, train__epochs=5)
    few = plain(rows(tmp_path))
    assert few.network.theta.tobytes() == whole.network.theta.tobytes()
    step, (batch,) = Step(few.network, few.loss, 40), few.trainer.train_examples[np.arange(40)].batches(40)
    for _ in range(5):
        step.gradient(batch)
        few.network.theta[...] -= 0.1 * few.network.grad
    trained(whole)
    assert moved(whole)
    np.testing.assert_allclose(whole.network.theta, few.network.theta, rtol=0, atol=1e-12)


# --- the batch's size


@pytest.mark.parametrize(
    ("batch_size", "found"), [(8, 8), (1, 1), (1000, 60), (0.25, 15), (1.0, 60), (0.001, 1), (0.5, 30)]
)
def test_a_batch_is_a_number_of_rows_or_a_share(batch_size: float, found: int, tmp_path: Path) -> None:
    assert plain(rows(tmp_path), train__batch_size=batch_size).trainer.batch_size == found


def test_more_batches_to_accumulate_than_there_are_make_one_step(tmp_path: Path) -> None:
    trainer = plain(rows(tmp_path), train__accumulate=100).trainer
    assert (trainer.batch_size, trainer.step_rows, trainer.steps_per_epoch) == (8, 60, 1)


# --- L-BFGS


def test_lbfgs_takes_one_step_an_epoch_and_goes_down_to_the_minimum(tmp_path: Path) -> None:
    """A linear model with an l2 penalty has one minimum, which scipy finds too."""
    from scipy.optimize import minimize

    run = plain(rows(tmp_path), layers=[], optimizer={"type": "lbfgs"}, regularize={"l2": 0.1}, train__epochs=60)
    assert run.trainer.steps_per_epoch == 1
    X, labels = run.trainer.train_examples.inputs, run.trainer.train_examples.labels

    def objective(flat: np.ndarray) -> float:
        Wb = flat.reshape(3, 4)
        Z = X @ Wb.T
        return float(np.mean(np.logaddexp.reduce(Z, axis=1) - Z[np.arange(60), labels]) + 0.05 * (Wb[:, :3] ** 2).sum())

    best = minimize(objective, np.zeros(12), tol=1e-12)
    trained(run)
    assert run.trainer.step == 60
    assert objective(run.network.theta) == pytest.approx(best.fun, abs=1e-10)


def test_lbfgs_sees_the_same_dropout_in_every_try_of_a_step(tmp_path: Path) -> None:
    """The noise goes on after a step as if the rows had passed once, however many tries it took."""
    layers = [DENSE, {"type": "dropout", "rate": 0.5}]
    runs = [plain(rows(tmp_path), layers=layers, optimizer=kind, train__batch_size=60) for kind in ("lbfgs", "sgd")]
    states = [trained(run).network.noise.bit_generator.state for run in runs]
    assert states[0] == states[1]


# --- watching


WAYS: dict[str, dict[str, Any]] = {
    "dropout": {"layers": [DENSE, {"type": "dropout", "rate": 0.4}]},
    "batch_norm": {"layers": [DENSE, "batch_norm"]},
    "momentum and clipping": {"optimizer": {"type": "sgd", "momentum": 0.9}, "regularize": {"clip_norm": 0.1}},
    "accumulation": {"layers": [DENSE, "batch_norm", "dropout"], "train__accumulate": 2},
    "averaged": {"optimizer": "adam", "train__ema_decay": 0.9},
    "lbfgs": {"optimizer": "lbfgs", "layers": [DENSE, "batch_norm", "dropout"]},
}


@pytest.mark.parametrize("way", WAYS)
def test_watching_steps_changes_nothing(way: str, tmp_path: Path) -> None:
    source = rows(tmp_path)
    watched, unwatched = (built(source, **WAYS[way]) for _ in range(2))
    trained(watched, Quiet(watches_steps=True))
    trained(unwatched, Quiet(watches_steps=False))
    assert watched.network.theta.tobytes() == unwatched.network.theta.tobytes()
    assert watched.network.state.tobytes() == unwatched.network.state.tobytes()
    assert watched.trainer.state()["noise"] == unwatched.trainer.state()["noise"]


class Counter(Quiet):
    """Counts the steps that it is called for."""

    steps = 0

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        self.steps += 1


@pytest.mark.parametrize("batch_size", [8, 9])  # 36 training rows: with and without a shorter last batch
def test_no_step_is_measured_where_no_observer_watches(batch_size: int, tmp_path: Path) -> None:
    for watches in (False, True):
        observer = Counter(watches_steps=watches)
        run = trained(built(rows(tmp_path), train__batch_size=batch_size), observer)
        assert (observer.steps > 0, run.trainer.step_statistics.waiting > 0) == (watches, watches)


# --- early stopping and the final model


class Scripted:
    """An evaluator that says what it is told to, epoch after epoch."""

    names = ("loss", "accuracy")

    def __init__(self, run: Built, scores: list[float]) -> None:
        self._run, self._scores, self.examples = run, scores, run.trainer.evaluators["val"].examples
        self.seen: list[np.ndarray] = []

    def __call__(self) -> dict[str, float]:
        self.seen.append(self._run.network.theta.copy())
        return {"loss": self._scores[len(self.seen) - 1], "accuracy": self._scores[len(self.seen) - 1]}


def stopped_early(source: str, scores: list[float], stopping: dict[str, Any], **changes: Any) -> tuple[Built, Scripted]:
    run = built(source, train__epochs=len(scores), train__early_stopping=stopping, **changes)
    script = Scripted(run, scores)
    finite = Scripted(run, np.nan_to_num(scores).tolist())  # a training loss that is not would be divergence
    run.trainer.evaluators = {"train": finite, "val": script}  # type: ignore[dict-item]
    trained(run)
    return run, script


@pytest.mark.parametrize(
    ("monitor", "scores", "epochs", "best"),
    [
        ("val_loss", [3.0, 2.0, 2.5, 2.1, 1.0], 4, 2),
        ("val_accuracy", [0.1, 0.5, 0.5, 0.4, 0.9], 4, 2),
        ("train_loss", [3.0, 2.0, 1.0, 0.5, 0.1], 5, 5),
        ("val_loss", [float("nan"), 2.0, float("nan"), 3.0, 1.0], 4, 2),
    ],
)
def test_early_stopping_waits_and_restores_the_best(
    monitor: str, scores: list[float], epochs: int, best: int, tmp_path: Path
) -> None:
    run, script = stopped_early(rows(tmp_path), scores, {"monitor": monitor, "patience": 2})
    assert (run.trainer.epoch, run.trainer.best_epoch) == (epochs, best)
    np.testing.assert_array_equal(run.network.theta, script.seen[best - 1])


def test_the_last_parameters_stay_where_the_best_are_not_asked_for(tmp_path: Path) -> None:
    run, script = stopped_early(rows(tmp_path), [3, 2, 2.5, 2.1, 1], {"patience": 2, "restore_best": False})
    np.testing.assert_array_equal(run.network.theta, script.seen[-1])
    assert run.trainer.best_epoch == 2


class EndAt(Quiet):
    """Asks for the end after an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        trainer.end_requested = trainer.epoch == self.epoch


def test_an_observer_can_end_training_as_early_stopping_does(tmp_path: Path) -> None:
    run = trained(built(rows(tmp_path), train__epochs=5), EndAt(3))
    assert (run.trainer.epoch, run.trainer.finished_early) == (3, True)


def test_min_delta_is_how_much_better_a_best_has_to_be(tmp_path: Path) -> None:
    run, _ = stopped_early(rows(tmp_path), [3.0, 2.95, 2.8, 1.0], {"patience": 2, "min_delta": 0.5})
    assert (run.trainer.epoch, run.trainer.best_epoch) == (3, 1)


def test_the_best_of_averaged_weights_is_the_mean_that_was_scored(tmp_path: Path) -> None:
    run, script = stopped_early(rows(tmp_path), [3, 2, 2.5, 2.1, 1], {"patience": 2}, train__ema_decay=0.8)
    np.testing.assert_array_equal(run.network.theta, script.seen[1])


def test_scores_are_those_of_the_averaged_weights_and_training_goes_on_from_its_own(tmp_path: Path) -> None:
    source = rows(tmp_path)
    plain_run, averaged = built(source), built(source, train__ema_decay=0.9)
    plain_run.trainer.run(Quiet())
    averaged.trainer.run(Quiet())
    assert averaged.network.theta.tobytes() == plain_run.network.theta.tobytes()
    before = averaged.trainer.evaluate()
    averaged.trainer.settle()
    assert averaged.network.theta.tobytes() != plain_run.network.theta.tobytes()
    assert averaged.trainer.evaluators["val"]()["loss"] == before["val_loss"]


# --- numbers that are not finite


def test_divergence_is_reported_with_its_place(tmp_path: Path) -> None:
    run = built(rows(tmp_path), optimizer={"type": "sgd", "lr": 1e30}, layers=[{"type": "dense", "units": 5}])
    with pytest.raises(Diverged) as error:
        trained(run)
    assert (error.value.epoch, error.value.exit_code) == (1, 3)
    assert str(error.value) == (
        f"training diverged in epoch 1, step {error.value.step}: {error.value.what} of layer {error.value.layer} is "
        "not finite"
    )


def test_clipping_hides_no_divergence(tmp_path: Path) -> None:
    run = built(
        rows(tmp_path),
        optimizer={"type": "sgd", "lr": 1e30},
        layers=[{"type": "dense", "units": 5}],
        regularize={"clip_value": 1e30},
    )
    with pytest.raises(Diverged):
        trained(run)


def test_a_gradient_whose_square_is_beyond_float32_is_clipped_by_its_length() -> None:
    direction = np.random.default_rng(0).normal(size=50)
    grad = (direction * 1e30).astype(np.float32)
    with np.errstate(over="ignore"):
        squared_norm = grad.dot(grad)
        Clip(grad, norm=1.0, value=None).apply(squared_norm)
    assert np.isinf(squared_norm)
    np.testing.assert_allclose(grad, direction / np.linalg.norm(direction), rtol=0, atol=1e-6)


# --- steps at given rates


def test_steps_at_rates_are_steps_of_training(tmp_path: Path) -> None:
    source = rows(tmp_path)
    run, other = built(source, train__epochs=1), built(source)
    losses = list(other.trainer.steps_at([0.1] * run.trainer.full_steps))
    with pytest.raises(StopRequested):
        run.trainer.run(StopAfter(run.trainer.full_steps))
    assert len(losses) == run.trainer.full_steps
    assert other.network.theta.tobytes() == run.network.theta.tobytes()


class StopAfter(Quiet):
    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def on_pause(self, trainer: Any) -> None:
        trainer.stop_requested = trainer.step == self.step
