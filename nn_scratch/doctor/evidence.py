"""A run as the rules see it: its folder, and the figures that several of them need."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import isfinite, log, nan, sqrt
from typing import Any

import numpy as np

from nn_scratch.doctor.layout import DenseLayer, dense_layers, name_of
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array, class_scores
from nn_scratch.runs.run import Run

# Rates in the middle of those at which small networks learn small data, healthy runs within a factor of ten; by hand
WORKING_LR = {
    "sgd": 0.1,  # momentum m multiplies its steps by 1 / (1 - m)
    "adam": 0.004,
    "adamw": 0.004,
    "nadam": 0.004,
    "radam": 0.01,
    "adamax": 0.008,
    "rmsprop": 0.002,
    "adagrad": 0.08,
    "adadelta": 1.0,
    "lion": 0.001,
}
REFERENCES = {  # what a run is compared with: models without settings that could be wrong
    "linear": "a linear model",
    "knn": "a vote of the nearest neighbours",
    "kernel": "kernel ridge regression",
    "network": "a plain network with two hidden layers",
    "memory": "a table of these few rows, all of them different,",
}
HARM = 0.05  # points of balanced accuracy, or of R², from which a fault is critical; a definition, as in docs/limits.md
# Of 25 programs with their known fix, 6 are HARM behind what plain models reach, and none gains by what is found there;
# 3 * HARM behind is one of them, and that one gains (python -m tests.doctor_benchmark --faults)
FAR_BEHIND = 3 * HARM
FEW_ROWS = 64  # training rows that any network can memorize, if they differ; by hand
NORMAL_90 = 1.6449  # half of a 90 % interval, in standard errors; scipy.stats.norm.ppf(0.95)
EXPECTED_MAXIMUM = (0.0, 0.0, 0.5642, 0.8463, 1.0294)  # of 0 to 4 independent standard normal deviates; Harter 1961


class Case:
    """A run as the rules use it. Scores are balanced accuracy for classes and R² for numbers; higher is better."""

    def __init__(self, run: Run) -> None:
        self.run, self.config, self.info, self.card = run, run.config, run.info, run.card
        self.signals: Mapping[str, Any] = run.signals
        self._check()

    def _check(self) -> None:
        """Raise UserError where the documents of the folder, each good in itself, are not of one run."""
        if self.run.layer_names != tuple(layer.name for layer in self.layers):
            raise UserError(
                f"{self.run.path / 'layers.csv'}: its layers are not those of param.yaml; train the run anew"
            )
        recall = (self.info["train"] or {}).get("recall")
        if recall is not None and list(recall) != (self.card["classes"] or self.card["target"]):
            raise UserError(f"{self.run.path / 'run.json'}: its classes are not those of data.json; train the run anew")

    # --- config

    @property
    def is_classification(self) -> bool:
        return bool(self.card.get("task") == "classification")

    @cached_property
    def layers(self) -> list[DenseLayer]:
        """The dense layers in order, the output last."""
        return dense_layers(self.config)

    @property
    def optimizer(self) -> dict[str, Any]:
        value = self.config["optimizer"]
        return {"type": value} if isinstance(value, str) else value

    @cached_property
    def lr(self) -> float:
        return float(self.optimizer.get("lr", self.usual_lr))

    @cached_property
    def usual_lr(self) -> float:
        """A rate at which the optimizer trains small networks: WORKING_LR, else its default."""
        from nn_scratch.nn.optimizers import OPTIMIZERS

        kind = str(self.optimizer["type"])
        declared = {p.name: p.default for p in OPTIMIZERS.parameters(kind)}
        rate = float(WORKING_LR.get(kind, declared["lr"]))
        return rate * (1 - min(0.99, float(self.optimizer.get("momentum") or 0))) if kind == "sgd" else rate

    @property
    def lr_ratio(self) -> float:
        """The rate over the usual one."""
        return self.lr / self.usual_lr

    @property
    def batch_size(self) -> int:
        return int(self.info.get("rows_a_step") or min(int(self.config["train"]["batch_size"]), self.train_rows))

    @property
    def train_rows(self) -> int:
        return int(self.card["parts"]["train"]["rows"])

    @property
    def class_counts(self) -> dict[str, Array]:
        """Rows of each class, by part."""
        return {
            part: np.array(list(entry["class_counts"].values()), dtype=np.int64)
            for part, entry in self.card["parts"].items()
        }

    # --- what happened

    @property
    def diverged(self) -> bool:
        return bool(self.info.get("status") == "diverged")

    @property
    def unfinished(self) -> bool:
        """Whether training is under way, or was stopped before its end: nothing has been scored at the end, then."""
        return self.info.get("status") in ("running", "interrupted")

    @property
    def steps_done(self) -> int:
        return int(self.info.get("steps") or (self.metrics["step"][-1] if self.epochs_done else 0))

    @property
    def epochs_done(self) -> int:
        return len(self.metrics["epoch"])

    @property
    def final_epoch(self) -> int:
        """The epoch whose parameters the final model has: the last, or the one that early stopping restored."""
        return min(int(self.info.get("best_epoch") or self.epochs_done), self.epochs_done)

    @property
    def metrics(self) -> dict[str, Array]:
        return self.run.metrics

    def curve(self, column: str) -> Array:
        return self.metrics.get(column, np.empty(0))

    @property
    def score_name(self) -> str:
        return "balanced_accuracy" if self.is_classification else "r2"

    @cached_property
    def train_score(self) -> float:
        entry = self.info.get("train")
        if entry:
            return clipped(entry.get(self.score_name))
        return self._so_far("train")

    def _so_far(self, part: str) -> float:
        """The score after the last epoch, of a run that is not finished; that of guessing where there is none."""
        scores = self.curve(f"{part}_{self.score_name}")
        return clipped(scores[-1]) if self.unfinished and len(scores) and isfinite(scores[-1]) else self.chance

    @cached_property
    def chance(self) -> float:
        if not self.is_classification:
            return 0.0
        return 1.0 / max(1, int(np.count_nonzero(self.class_counts["train"])))

    @property
    def judged_by(self) -> str:
        """ "held": the rows of val and test; "train" where there are none."""
        return "held" if self.held_rows else "train"

    @cached_property
    def held_score(self) -> float:
        """The score on the rows of val and test together, on the training rows where there are none; that of guessing
        where training did not end."""
        if self.diverged:
            return self.chance
        if self.judged_by == "train":
            return self.train_score
        found = self._held()
        return found if isfinite(found) else self._so_far("val")

    @cached_property
    def accuracy(self) -> float:
        """Plain accuracy on the rows that the run is judged by; nan for numbers."""
        y, output = self._predicted()
        if len(y) and self.is_classification and not self.diverged:
            return float((output.argmax(axis=1) == y).mean())
        return number((self.info.get("train") or {}).get("accuracy")) if self.judged_by == "train" else nan

    @cached_property
    def balanced_decisions(self) -> float:
        """The balanced accuracy of the run's own probabilities when each is divided by its class's share of the
        training rows (Elkan 2001): without the class weights of its loss; nan where it is not
        defined."""
        y, output = self._predicted()
        if not len(y) or not self.is_classification or self.diverged:
            return nan
        if self.config.get("class_weight") is not None:
            return self.held_score
        shares = self.class_counts["train"] / max(1, self.class_counts["train"].sum())
        raised = np.where(shares > 0, output / np.maximum(shares, 1e-12), 0.0)
        return class_scores(y, raised.argmax(axis=1))["balanced_accuracy"]

    @cached_property
    def comparable_score(self) -> float:
        """The score to compare with references that weigh classes alike: the better of the run's own decisions and
        its balanced ones."""
        found = self.balanced_decisions
        return max(self.held_score, found) if isfinite(found) else self.held_score

    def part_score(self, part: str) -> float:
        """The score on the rows of "val" or "test"; nan where there are none."""
        return self._held((part,))

    def _held(self, among: tuple[str, ...] = ("val", "test")) -> float:
        return self._score(*self._predicted(among))

    def _score(self, y: Array, output: Array) -> float:
        if not len(y):
            return nan
        if self.is_classification:
            return class_scores(y, output.argmax(axis=1))["balanced_accuracy"]
        spread = ((y - y.mean(axis=0)) ** 2).sum()
        return clipped(1 - ((y - output) ** 2).sum() / spread) if spread > 0 else nan

    def _predicted(
        self, among: tuple[str, ...] = ("val", "test"), without: Mapping[str, list[int]] | None = None
    ) -> tuple[Array, Array]:
        """The targets and the predictions of the rows of these parts together; empty before the end of training."""
        predictions = self.run.predictions
        parts = [part for part in among if len(predictions.get(f"{part}_y", ()))]
        if not parts:
            return np.empty(0), np.empty(0)
        y, output = (
            np.concatenate(
                [np.delete(predictions[f"{part}_{what}"], (without or {}).get(part, []), axis=0) for part in parts]
            )
            for what in ("y", "output")
        )
        return y, output

    def score_without(self, positions: Mapping[str, list[int]]) -> float:
        """The score on the held-out rows but those at these positions of "val" and "test"; nan where none are left."""
        return self._score(*self._predicted(without=positions))

    @cached_property
    def certain_errors(self) -> float:
        """Of the third of the held-out rows that the network is surest of, the share with another label."""
        y, output = self._predicted()
        if not len(y) or not self.is_classification:
            return nan
        surest = np.argsort(-output.max(axis=1), kind="stable")[: max(1, len(y) // 3)]
        return float((output.argmax(axis=1) != y)[surest].mean())

    @property
    def held_rows(self) -> int:
        return sum(int(self.card["parts"][part]["rows"]) for part in ("val", "test"))

    @cached_property
    def recalls(self) -> dict[str, Array]:
        """Recall of each class by part: train, and "held" (val and test)."""
        found: dict[str, Array] = {}
        train = self.info.get("train")
        if train and "recall" in train:
            found["train"] = np.array([nan if v is None else v for v in train["recall"].values()])
        y, output = self._predicted()
        if len(y):
            classes = output.shape[1]
            rows = np.bincount(y, minlength=classes)
            hits = np.bincount(y[output.argmax(axis=1) == y], minlength=classes)
            found["held"] = np.where(rows > 0, hits / np.maximum(rows, 1), nan)
        return found

    # --- what could have been

    @cached_property
    def references(self) -> dict[str, float]:
        """Scores of plain models on the rows of val and test, by the names in REFERENCES."""
        found: dict[str, float] = {}
        baselines = self.info.get("baselines") or {}
        for name in ("linear", "knn"):
            by_part = baselines.get(name) or {}
            scored = [
                (float(by_part[part][self.score_name]), int(self.card["parts"][part]["rows"]))
                for part in ("val", "test")
                if by_part.get(part) and by_part[part].get(self.score_name) is not None
            ]
            if scored:
                found[name] = clipped(sum(s * n for s, n in scored) / sum(n for _, n in scored))
        kernel = (self.signals.get("attainable") or {}).get("split")
        if kernel is not None:
            found["kernel"] = clipped(kernel)
        plain = self.signals.get("plain_network") or {}
        network = plain.get("score" if self.judged_by == "held" else "train_score")
        if network is not None:
            found["network"] = clipped(network)
        if self.judged_by == "train" and self.train_rows <= FEW_ROWS and not self.card["duplicates"].get("conflicting"):
            found["memory"] = 1.0
        return found

    @cached_property
    def best_baseline(self) -> float:
        """The score that the run is expected to reach: that of the best plain model; nan where none was scored.

        On smooth targets kernels do what no small network does: a regression that is better than the plain network is
        asked for half of what it lacks beside them.
        """
        found = dict(self.references)
        if not self.is_classification and found.get("network", nan) < self.held_score < found.get("kernel", nan):
            found["kernel"] = 0.5 * (found["kernel"] + self.held_score)
        return max(found.values(), default=nan)

    @property
    def best_reference(self) -> str:
        """Which of the plain models is the best, and its score, in words."""
        best = max(self.references, key=lambda name: self.references[name])
        return f"{REFERENCES[best]} reaches {self.references[best]:.3f}"

    @cached_property
    def standard_error(self) -> float:
        """Of the difference of two models' scores on the same rows that the run is judged by.

        The errors of two models on the same rows go together; a correlation of one half is assumed, with which the
        variance of the difference is that of one score.
        """
        if self.judged_by == "train":
            return 0.5 / max(1, self.train_rows)
        n = max(1, self.held_rows)
        if not self.is_classification:  # of squared residuals
            left = 1.0 - self.best_baseline if isfinite(self.best_baseline) else 1.0
            return min(1.0, max(0.05, left)) * sqrt(2.0 / n)
        p = float(np.clip(self.best_baseline if isfinite(self.best_baseline) else 0.8, 0.05, 0.97))
        smallest = self.class_counts["val"] + self.class_counts["test"]
        present = smallest[smallest > 0]
        # the mean of the classes' recalls: a rare class is measured on few rows
        variance = p * (1 - p) * float(np.sum(1.0 / present)) / len(present) ** 2 if len(present) else 1.0 / n
        return sqrt(variance)

    @cached_property
    def selection_bias(self) -> float:
        """By how much the best of several equally good references is expected to exceed their common level, by chance:
        the expected maximum of as many normal deviates, for the part of the error that each has for itself."""
        count = sum(name != "memory" for name in self.references)
        return 0.0 if self.judged_by == "train" else EXPECTED_MAXIMUM[min(count, 4)] * self.standard_error / sqrt(2)

    @cached_property
    def shortfall(self) -> float:
        """How far the network stays behind what is attainable, with classes weighed alike in both; nan if unknown."""
        if not isfinite(self.best_baseline):
            return nan
        return self.best_baseline - self.selection_bias - self.comparable_score

    @property
    def falls_short(self) -> bool:
        """Behind by more than HARM, and by more than chance explains."""
        return isfinite(self.shortfall) and self.shortfall > max(HARM, NORMAL_90 * self.standard_error)

    @property
    def far_behind(self) -> bool:
        """Whether the lower end of the shortfall is above FAR_BEHIND."""
        return isfinite(self.shortfall) and self.shortfall - NORMAL_90 * self.standard_error > FAR_BEHIND

    @cached_property
    def fit_shortfall(self) -> float:
        """How far the score on the training rows stays behind what is attainable on rows never seen."""
        gained = self.comparable_score - self.held_score  # by weighing classes alike
        return self.best_baseline - self.selection_bias - min(1.0, self.train_score + gained)

    # --- signals

    @property
    def start(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.signals.get("start") or {}
        return found

    @cached_property
    def start_layers(self) -> dict[str, dict[str, Any]]:
        """The measurements of each dense layer at step 0; numbers that are not finite are nan."""
        return {
            entry["layer"]: {key: nan if value is None else value for key, value in entry.items()}
            for entry in self.start.get("layers", ())
        }

    @cached_property
    def by_layer(self) -> dict[str, dict[str, Array]]:
        """layers.csv by layer: columns over epochs, from epoch 0."""
        return split_by_layer(self.run.layers)

    @cached_property
    def steps_by_layer(self) -> dict[str, dict[str, Array]]:
        return split_by_layer(self.run.steps)

    @cached_property
    def steps(self) -> dict[str, Array]:
        """steps.csv, a row a step: those of the output layer, whose losses are the batch's."""
        return next(reversed(self.steps_by_layer.values())) if self.steps_by_layer else {}

    @cached_property
    def initial(self) -> dict[str, float]:
        return self.info.get("initial") or {}

    @property
    def start_loss(self) -> float:
        return number(self.initial.get("train_loss"))

    @cached_property
    def constant_loss(self) -> float:
        """The loss of predicting the classes' shares (or the targets' mean): H(p), log C or the variance."""
        if self.is_classification:
            if name_of(self.config["loss"]) in ("auto", "cross_entropy"):
                weighted = self.config.get("class_weight") is not None
                return log(max(2, len(self.card["classes"]))) if weighted else number(self.card.get("entropy"))
            return self.start_loss
        target = self.start.get("target") or {}
        return number(target.get("std")) ** 2 if target else nan


def split_by_layer(table: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    names = table["layer"]
    return {
        str(name): {column: values[names == name] for column, values in table.items()}
        for name in dict.fromkeys(names.tolist())
    }


def number(value: Any) -> float:
    return nan if value is None else float(value)


def clipped(score: Any) -> float:
    return nan if score is None else max(-1.0, float(score))
