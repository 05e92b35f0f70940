"""The score of a run with a change: short retraining of its config with and without the change, paired.

Both arms have the same split, initial weights, order of rows and dropout. The number of training steps is limited by a
budget that is fixed before the first of them, from counted work and not from a clock, so that the same config and data
give the same answer. Networks are trained in memory: no file is read but those of the run and its data, none written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.data.mapped_rows import with_zeros
from nn_scratch.data.prepare import Data, Part
from nn_scratch.doctor.evidence import NORMAL_90
from nn_scratch.errors import Diverged, EnvironmentFailure, UserError
from nn_scratch.experiments.build import Built, build, build_data
from nn_scratch.experiments.machine import counted_seconds
from nn_scratch.experiments.model import decode_outputs, load_model
from nn_scratch.experiments.train import pinned_threads
from nn_scratch.metrics import Array
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import StopRequested, Trainer

MOST_SECONDS = 10.0  # of retraining after one run, by counted work; bounds time
MARGIN = 1.5  # times the steps of an arm that may end early: so many have to be left for another; by hand
MOST_PAIRS = 4  # of one question: more of the same seeds' noise is known well enough; by hand
FEWEST_STEPS = 10  # of an arm: a network that took fewer is no evidence about the change; by hand
LEAST_P = 1e-7  # smallest probability in a log loss: the resolution of float32; a definition
LOWEST_R2 = -1.0  # an R² below it counts as this; the loss measures how far below it is; a definition


@dataclass(frozen=True)
class Interval:
    """A gain with its 90 % interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, mean: float, standard_error: float) -> Interval:
        return cls(mean, mean - NORMAL_90 * standard_error, mean + NORMAL_90 * standard_error)

    def to_json(self) -> list[float]:
        return [round(self.mean, 4), round(self.low, 4), round(self.high, 4)]


@dataclass(frozen=True)
class Gain:
    """The gain of a change of the config or the data; positive numbers are better.

    scores  by measure: accuracy and balanced_accuracy of classes, else r2
    loss    the fall of the log loss, in nats; of a regression half the log of the ratio of the mean squared errors,
            which is the log loss of a normal distribution
    pairs   how many pairs of networks; steps: training steps they took in all; share: of their full length
    rows    on how many rows they are compared; part: "held" (val and test), or "train" where there are no others
    """

    main: str
    scores: Mapping[str, Interval]
    loss: Interval
    pairs: int
    steps: int
    share: float
    rows: int
    part: str

    @property
    def mean(self) -> float:
        return self.scores[self.main].mean

    @property
    def low(self) -> float:
        return self.scores[self.main].low

    @property
    def high(self) -> float:
        return self.scores[self.main].high

    def to_json(self) -> dict[str, Any]:
        return {
            "measure": self.main,
            "gain": {name: interval.to_json() for name, interval in self.scores.items()},
            "log_loss": self.loss.to_json(),
            "pairs": self.pairs,
            "steps": self.steps,
            "share_of_length": round(self.share, 3),
            "rows": self.rows,
            "part": self.part,
        }


@dataclass(frozen=True)
class Predicted:
    """Predictions of a network: y (rows,) classes or (rows, targets) values, output (rows, classes or targets),
    numbers (rows,) of the rows in the source."""

    y: Array
    output: Array
    numbers: Array

    def only(self, kept: Array) -> Predicted:
        return Predicted(self.y[kept], self.output[kept], self.numbers[kept])


class Counterfactuals:
    """Questions to the network of a finished run, within a budget of training steps.

    budget  steps in all; None: as many as the run took, fewer where they would take more than MOST_SECONDS by counted
            work; 0: no question is answered. The default is the run's own `diagnose.budget`.
    left    steps that may still be taken
    asked   what was asked and found, for diagnosis.json
    """

    def __init__(self, run: Run, budget: int | None = None, main: str | None = None, data: Data | None = None) -> None:
        """main: the measure of `Gain.mean`; None: balanced_accuracy of classes, else r2. data: the run's rows as it
        split and scaled them, where they are at hand; else they are read again."""
        self._given = data
        self._run, self.config = run, config_from(run.config)
        given = self.config.diagnose.budget if budget is None else budget
        self._main = main or ("balanced_accuracy" if run.card.get("task") == "classification" else "r2")
        self._seconds = MOST_SECONDS if given is None else float("inf")
        planned = int(run.info["steps_per_epoch"]) * int(run.info["epochs_asked"])
        own = planned if run.info.get("status") == "diverged" else int(run.info.get("steps") or planned)
        self.budget = self.left = own if given is None else given
        self.asked: list[dict[str, Any]] = []
        self.why_not = ""  # why this run cannot be retrained

    # --- questions

    def ask(
        self, changes: Mapping[str, Any], steps: int | None = None, *, whole: bool = False, ends: int | None = None
    ) -> Gain | None:
        """The gain by changing the config: new values by dotted key. steps: at most so many of those left. whole:
        whether less than a whole training is no answer. ends: steps after which it ends by itself with the change.

        None where the budget does not suffice, the data cannot be read any more, or the change does not fit.
        """
        try:
            config = change_config(self.config, changes)
        except UserError:
            return None
        return self._answer({"set": dict(changes)}, config, lambda data: data, steps, whole=whole, ends=ends)

    def without_columns(self, names: Collection[str], steps: int | None = None) -> Gain | None:
        """The gain by leaving out columns of the table (all features that a column of categories became).

        They are held at their mean of 0, so that the network keeps its shape and its initial weights.
        """

        def blanked(data: Data) -> Data:
            columns = [c for c in data.preprocessing.columns for _ in c.feature_names]
            at = [j for j, c in enumerate(columns) if c.name in names or data.feature_names[j] in names]

            def blank(part: Part) -> Part:
                return replace(part, inputs=with_zeros(part.inputs, at))

            return replace(data, train=blank(data.train), val=blank(data.val), test=blank(data.test))

        return self._answer({"without_columns": sorted(names)}, self.config, blanked, steps)

    def without_rows(self, numbers: Sequence[int] | Array, steps: int | None = None) -> Gain | None:
        """The gain by not training on these rows (numbers in the source); it is measured on rows that are not of them.

        None where no row to train on, or no class, would be left.
        """
        left_out = np.asarray(numbers, np.int64)

        def kept(data: Data) -> Data:
            return replace(data, train=rows_of(data.train, ~np.isin(data.train.rows, left_out)))

        return self._answer({"without_rows": len(left_out)}, self.config, kept, steps, left_out)

    def to_json(self) -> dict[str, Any]:
        return {"budget": self.budget, "steps": self.budget - self.left, "asked": self.asked}

    # --- answers

    @cached_property
    def _data(self) -> Data | None:
        """The run's rows as it split and scaled them; None where they are not there any more or have changed."""
        try:
            data = self._given or build_data(self.config, spawn_generators(self.config.seed))
        except (UserError, EnvironmentFailure) as error:
            self.why_not = str(error)
            return None
        if data.card.get("sha256") != self._run.card.get("sha256"):
            self.why_not = "the data have changed since the run"
            return None
        return data

    def _answer(
        self,
        question: dict[str, Any],
        config: Config,
        change: Callable[[Data], Data],
        steps: int | None,
        left_out: Array | None = None,
        whole: bool = False,
        ends: int | None = None,
    ) -> Gain | None:
        allowed = self.left if steps is None else min(self.left, steps)
        if allowed < FEWEST_STEPS or self._run.info.get("status") in ("running", "interrupted") or self._data is None:
            return None
        with np.errstate(all="ignore"):
            try:
                with_it = self._prepared(config, change)
                found = self._pairs(config, with_it, allowed, left_out, whole, ends)
            except UserError:
                return None
        if found is not None:
            self.asked.append({**question, **found.to_json()})
        return found

    def _prepared(self, config: Config, change: Callable[[Data], Data]) -> Data:
        """The rows with the change; those of the run where only other sections differ."""
        assert self._data is not None
        same = config.data == self.config.data and config.train.dtype == self.config.train.dtype
        data = self._data if same else build_data(config, spawn_generators(self.config.seed))
        changed = change(data)
        if data.task != self._data.task or not len(changed.train):
            raise UserError("the change is of another task")
        return changed

    def _pairs(
        self, config: Config, data: Data, allowed: int, left_out: Array | None, whole: bool, ends: int | None
    ) -> Gain | None:
        assert self._data is not None
        with_it, without = build(config, data), build(self.config, self._data)
        a_step = [step_seconds(one) for one in (with_it, without)]
        allowed = int(min(allowed, self._seconds / max(a_step)))
        length, own = (one.trainer.steps_per_epoch * one.trainer.epochs for one in (with_it, without))
        length = length if ends is None else min(length, ends)
        before, share = self.left, 1.0
        if length <= allowed:  # the run itself is the other arm, at no cost
            pairs = self._whole(config, data, (with_it, without), (length, own), allowed, a_step)
        else:
            share = allowed / (length + own)
            if whole or share * min(length, own) < FEWEST_STEPS:
                return None
            spent = self._spend(with_it, int(share * length), a_step[0])
            pairs = [(spent, self._spend(without, int(share * own), a_step[1]))]
        if left_out is not None:
            pairs = [(a.only(~np.isin(a.numbers, left_out)), b.only(~np.isin(b.numbers, left_out))) for a, b in pairs]
        if not len(pairs[0][0].y) or not len(pairs[0][1].y):
            return None
        scores, loss = compared(len(self._data.class_names), pairs)
        return Gain(
            self._main if self._main in scores else next(iter(scores)),
            scores,
            loss,
            len(pairs),
            before - self.left,
            share,
            len(pairs[0][0].y),
            "held" if len(self._data.val) + len(self._data.test) else "train",
        )

    def _whole(
        self,
        config: Config,
        data: Data,
        first: tuple[Built, Built],
        lengths: tuple[int, int],
        allowed: int,
        a_step: Sequence[float],
    ) -> list[tuple[Predicted, Predicted]]:
        """Pairs of arms trained to their ends, the first against the run itself, as many as the budget holds.

        Where it holds no second run without the change, the change alone is repeated with other seeds, against the run
        itself: it may end early, or have fewer steps.
        """
        assert self._data is not None
        end = self.left - allowed
        own = self._own(first[1])
        pairs = [(self._spend(first[0], lengths[0], a_step[0]), own)]
        took = first[0].trainer.step
        while len(pairs) < MOST_PAIRS and self.left - end >= took * MARGIN:
            seed = {"seed": self.config.seed + len(pairs)}
            arm = build(change_config(config, seed), data)
            both = self.left - end >= lengths[0] + lengths[1]
            left = self.left - end
            with_it = self._spend(arm, left, a_step[0])
            if arm.trainer.step >= left and arm.trainer.epoch < arm.trainer.epochs:
                break  # the budget ended before it did
            if both:
                other = build(change_config(self.config, seed), self._data)
                pairs.append((with_it, self._spend(other, lengths[1], a_step[1])))
            else:
                pairs.append((with_it, own))
        return pairs

    def _spend(self, built: Built, steps: int, a_step: float) -> Predicted:
        """Train what was built for at most so many steps, and take them off the budget."""
        finished = trained(built, steps)
        self.left -= built.trainer.step
        self._seconds -= built.trainer.step * a_step
        return predicted(built) if finished else constant(built.data)

    def _own(self, built: Built) -> Predicted:
        """The predictions of the run itself."""
        if self._run.info.get("status") == "diverged":
            return constant(built.data)
        model = load_model(self._run)
        parts = judged_parts(built.data)
        return joined(built.data, parts, [model.scores(part.X) for part in parts])


# --- training an arm


class StepLimit(Observer):
    """Ends training once so many steps are done."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        trainer.end_requested = trainer.end_requested or trainer.step >= self.steps

    def on_pause(self, trainer: Trainer) -> None:
        trainer.stop_requested = trainer.stop_requested or trainer.step >= self.steps


def step_seconds(built: Built) -> float:
    """Seconds of a step, with its share of the evaluation after each epoch, by counted work."""
    trainer = built.trainer
    scored = sum(len(evaluator.examples) for evaluator in trainer.evaluators.values())
    return counted_seconds(built.network, trainer.step_rows, scored / trainer.steps_per_epoch)


def trained(built: Built, steps: int) -> bool:
    """Train for at most so many steps (to the next point between batches); whether all numbers stayed finite."""
    with pinned_threads(built):
        try:
            with suppress(StopRequested):
                built.trainer.run(StepLimit(steps))
        except Diverged:
            return False
        built.trainer.settle()
    return True


def judged_parts(data: Data) -> list[Part]:
    """Val and test; the training rows where neither has any."""
    return [part for part in (data.val, data.test) if len(part)] or [data.train]


def predicted(built: Built) -> Predicted:
    parts = judged_parts(built.data)
    outputs = []
    with pinned_threads(built):
        for part in parts:
            evaluator = built.evaluator(part)
            evaluator()
            outputs.append(decode_outputs(evaluator.outputs, built.loss, built.data.preprocessing))
    return joined(built.data, parts, outputs)


def constant(data: Data) -> Predicted:
    """The class shares or the mean of the training rows, as predictions: in place of a network that diverged."""
    parts = judged_parts(data)
    if data.task == "classification":
        counts = np.bincount(data.train.y, minlength=len(data.class_names)) + 1e-3
        one = counts / counts.sum()
    else:
        one = data.preprocessing.target_inverse(data.train.y).mean(axis=0)
    return joined(data, parts, [np.broadcast_to(one, (len(part), len(one))) for part in parts])


def joined(data: Data, parts: Sequence[Part], outputs: Sequence[Array]) -> Predicted:
    inverse = data.preprocessing.target_inverse
    y = [part.y if data.task == "classification" else inverse(part.y) for part in parts]
    numbers = [part.rows + 10**12 * (part is data.test and data.card["split"]["own_test"]) for part in parts]
    return Predicted(np.concatenate(y), np.concatenate(outputs).astype(np.float64), np.concatenate(numbers))


def rows_of(part: Part, kept: Array) -> Part:
    weights = None if part.weights is None else part.weights[kept]
    return Part(part.inputs[kept], part.y[kept], weights, part.rows[kept])


# --- comparing arms


def compared(classes: int, pairs: Sequence[tuple[Predicted, Predicted]]) -> tuple[dict[str, Interval], Interval]:
    """Gains of the first of each pair over the second, by measure, and the fall of the log loss.

    classes: how many; 0 of a regression. Each is a mean over rows of differences, averaged over the pairs; where the
    arms have other rows (another split), of two means. The variance is that of the rows, and that between pairs.
    """
    rowwise = [[row_gains(classes, *aligned) for aligned in split_alike(a, b)] for a, b in pairs]
    found = {}
    for name in rowwise[0][0]:
        parts = [combined([one[part][name] for one in rowwise]) for part in range(len(rowwise[0]))]
        found[name] = Interval.of(sum(mean for mean, _ in parts), sqrt(sum(variance for _, variance in parts)))
    loss = found.pop("log_loss")
    return found, loss


Estimate = tuple[float, Array, Array]  # a mean, each row's share in its deviation from it (rows,), pseudo-variance


def split_alike(a: Predicted, b: Predicted) -> list[tuple[Predicted | None, Predicted | None]]:
    """The two together where they are of the same rows; else each by itself."""
    if a.numbers.shape == b.numbers.shape and (a.numbers == b.numbers).all():
        return [(a, b)]
    return [(a, None), (None, b)]


def combined(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """Mean and variance of an average over pairs of networks, on the same rows."""
    means = np.array([mean for mean, _, _ in estimates])
    deviations = np.mean([rows for _, rows, _ in estimates], axis=0)
    variance = float(np.sum(deviations**2)) + float(np.mean([extra for _, _, extra in estimates]))
    if len(means) > 1:
        variance += float(means.var(ddof=1)) / len(means)
    return float(means.mean()), variance


def row_gains(classes: int, a: Predicted | None, b: Predicted | None) -> dict[str, Estimate]:
    """By measure, the gain of a over b on the same rows; with one of them, its own score (of b, its negative)."""
    some = a or b
    assert some is not None
    if classes:
        (right_a, loss_a), (right_b, loss_b) = class_rows(a), class_rows(b)
        d_right, d_loss = right_a - right_b, loss_b - loss_a
        n = len(some.y)
        balance = np.bincount(some.y, minlength=classes)
        present = balance > 0
        by_class = 1.0 / (np.count_nonzero(present) * balance[some.y])
        return {
            "balanced_accuracy": share_estimate(d_right, by_class, some.y),
            "accuracy": share_estimate(d_right, np.full(n, 1.0 / n), np.zeros(n, np.int64)),
            "log_loss": mean_estimate(d_loss),
        }
    (lost_a, errors_a), (lost_b, errors_b) = squared_rows(a), squared_rows(b)
    return {"r2": mean_estimate(lost_b - lost_a), "log_loss": ratio_estimate(errors_a, errors_b)}


def class_rows(arm: Predicted | None) -> tuple[Any, Any]:
    """Of each row: 1.0 where it is right, and its log loss; zeros without an arm."""
    if arm is None:
        return 0.0, 0.0
    p = arm.output / np.maximum(arm.output.sum(axis=1, keepdims=True), LEAST_P)
    right = (p.argmax(axis=1) == arm.y).astype(np.float64)
    return right, -np.log(np.clip(np.nan_to_num(p[np.arange(len(p)), arm.y]), LEAST_P, 1.0))


def squared_rows(arm: Predicted | None) -> tuple[Any, Any]:
    """Of each row: n times what it takes off R² (mean over targets), not below LOWEST_R2 in all; and its squared
    error over the targets' variance."""
    if arm is None:
        return 0.0, None
    spread = np.maximum(arm.y.var(axis=0), 1e-300)
    scaled = np.nan_to_num(((arm.y - arm.output) ** 2 / spread).mean(axis=1), nan=1e30, posinf=1e30)
    lost = scaled.mean()
    return scaled * min(1.0, (1 - LOWEST_R2) / lost if lost > 0 else 1.0), scaled


def share_estimate(gain: Array, weights: Array, groups: Array) -> Estimate:
    """Weighted mean of differences of -1, 0, 1. Half a row each way in every group keeps the variance above 0 where no
    row differs (Agresti and Min 2005)."""
    gain = np.broadcast_to(gain, weights.shape)
    sizes = np.bincount(groups)
    means = np.bincount(groups, gain) / np.maximum(sizes, 1)
    there = sizes > 0
    group_weight = np.bincount(groups, weights)
    extra = float(np.sum((group_weight[there] / (sizes[there] + 2.0)) ** 2))
    return float(np.sum(weights * gain)), weights * (gain - means[groups]), np.asarray(extra)


def mean_estimate(values: Array) -> Estimate:
    n = len(values)
    mean = float(values.mean())
    return mean, (values - mean) / sqrt(n * max(1, n - 1)), np.asarray(0.0)


def ratio_estimate(a: Array | None, b: Array | None) -> Estimate:
    """Half the log of mean(b) / mean(a); an arm that is not there counts as 1."""
    means = [1.0 if one is None else max(float(one.mean()), 1e-12) for one in (a, b)]
    deviations = [0.0 if one is None else one / mean for one, mean in zip((a, b), means, strict=True)]
    rows = 0.5 * np.asarray(deviations[1] - deviations[0])
    n = len(rows)
    return 0.5 * float(np.log(means[1] / means[0])), (rows - rows.mean()) / n, np.asarray(0.0)
