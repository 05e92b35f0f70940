"""Candidates of a treatment, trained: their predictions for the same rows, and their diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan

import numpy as np

from nn_scratch.config.resolve import change_config
from nn_scratch.config.schema import Config
from nn_scratch.doctor.counterfactual import Interval, Predicted, compared
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import Diagnosis
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.watch import watch_session
from nn_scratch.experiments.model import load_model
from nn_scratch.experiments.parallel import QUIET, Job, run_all, split_by
from nn_scratch.experiments.train import Session
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer

ENOUGH_VAL = 100  # rows of val from which they alone choose; of fewer, val and test do together; by hand
LEAST_LOSS_GAIN = 0.02  # nats of log loss that count as progress; by hand


@dataclass(frozen=True)
class Trial:
    """One training of a candidate.

    chosen_by  predictions for the rows by which candidates are chosen (val, or val and test where val is small)
    held       the same for all rows that were not trained on; those of the probe where there are none
    score      on `held`: balanced accuracy (or accuracy), or R²
    share      of its epochs, how many were trained
    """

    classes: int
    measure: str
    chosen_by: Predicted
    held: Predicted
    score: float
    diagnosis: Diagnosis
    recall: Mapping[str, float | None] = field(default_factory=dict)
    share: float = 1.0

    @property
    def first_rule(self) -> str | None:
        return self.diagnosis.findings[0].rule if self.diagnosis.verdict == "sick" else None


@dataclass(frozen=True)
class Comparison:
    """The advantage of one candidate over another, on the same seeds."""

    score: Interval
    loss: Interval
    symptom_gone: bool

    def better(self, by: float) -> bool:
        """Better in the score by at least `by` and beyond chance, or as good in it and better in the loss."""
        if self.score.mean > by and self.score.low > 0:
            return True
        return self.loss.low > 0 and self.loss.mean > LEAST_LOSS_GAIN and self.score.mean > -by / 2

    def progress(self, by: float) -> bool:
        """Better, or a step towards it: the symptom is gone and neither score nor loss is worse."""
        no_worse = self.score.mean > -by / 2 and self.loss.mean > -LEAST_LOSS_GAIN
        return self.better(by) or (self.symptom_gone and no_worse)


@dataclass(frozen=True)
class Arm:
    """A config with its trials, a seed each."""

    name: str
    config: Config
    trials: tuple[Trial, ...] = ()

    def mean(self) -> float:
        return float(np.mean([trial.score for trial in self.trials])) if self.trials else nan

    def spread(self) -> float:
        values = [trial.score for trial in self.trials]
        return float(np.std(values, ddof=1)) if len(values) > 1 else nan

    @property
    def diagnosis(self) -> Diagnosis:
        """That of the worst trial which the doctor calls sick; of the worst of all where there is none."""
        return min(self.trials, key=lambda trial: (trial.diagnosis.verdict != "sick", trial.score)).diagnosis

    @property
    def healthy(self) -> bool:
        """Whether most trials are."""
        return 2 * sum(trial.diagnosis.verdict == "healthy" for trial in self.trials) > len(self.trials)

    def recall(self) -> dict[str, float]:
        """Recall of each class, mean over the trials."""
        known: dict[str, list[float]] = {}
        for trial in self.trials:
            for name, share in trial.recall.items():
                if share is not None:
                    known.setdefault(name, []).append(share)
        return {name: float(np.mean(shares)) for name, shares in known.items()}

    def over(self, other: Arm, held: bool = False) -> Comparison:
        """What it has over another, paired by seed. held: on all rows not trained on, not on those that choose."""
        pairs = list(zip(self.trials, other.trials, strict=False))
        rows = [(a.held, b.held) if held else (a.chosen_by, b.chosen_by) for a, b in pairs]
        scores, loss = compared(pairs[0][0].classes, rows)
        before = {trial.first_rule for _, trial in pairs} - {None}
        after = {trial.first_rule for trial, _ in pairs}
        return Comparison(scores[pairs[0][0].measure], loss, bool(before) and not before & after)


def train_arms(config: Config, arms: Sequence[Arm], seeds: Sequence[int], jobs: int | None) -> list[Arm]:
    """The arms with a trial more for each seed, trained side by side; rows are split by the seed of `config`."""
    wanted = [(number, seed) for number in range(len(arms)) for seed in seeds]
    results = list(run_all((trial_job(config, arms[number].config, seed) for number, seed in wanted), jobs, stack=True))
    return [
        Arm(
            arm.name,
            arm.config,
            (*arm.trials, *(result for (of, _), result in zip(wanted, results, strict=True) if of == number)),
        )
        for number, arm in enumerate(arms)
    ]


def trial_job(original: Config, config: Config, seed: int) -> Job[Trial]:
    """One training; rows are split by the seed of the original config, all else is random by `seed`."""
    trial = change_config(config, {**QUIET, "seed": seed, "name": "trial"})
    return Job(trial, judged, split_by(original.seed), watched)


def watched(session: Session) -> Sequence[Observer]:
    return (watch_session(session),)


def judged(run: Run) -> Trial:
    """The result of a trial's run."""
    case = Case(run)
    classes = len(run.card["classes"] or ())
    parts = {name: predicted(run, name) for name in ("val", "test")}
    there = [part for part in parts.values() if part is not None]
    held = joined(there) if there else probed(run)
    val = parts["val"]
    chosen_by = val if val is not None and len(val.y) >= ENOUGH_VAL else held
    return Trial(
        classes=classes,
        measure=case.score_name,
        chosen_by=chosen_by,
        held=held,
        score=case.held_score if there and isfinite(case.held_score) else case.train_score,
        diagnosis=diagnose(run, budget=0),  # the search tests the patches itself
        recall=dict((run.info.get("val") or {}).get("recall") or {}),
        share=case.epochs_done / int(run.info["epochs_asked"]),
    )


def predicted(run: Run, part: str) -> Predicted | None:
    """Predictions of a run on a part; None where it has no rows, or training did not end."""
    found = run.predictions
    if not len(found.get(f"{part}_y", ())):
        return None
    numbers = found[f"{part}_rows"] + 10**12 * (part == "test" and run.card["split"]["own_test"])
    return Predicted(found[f"{part}_y"], found[f"{part}_output"].astype(np.float64), numbers)


def joined(parts: Sequence[Predicted]) -> Predicted:
    return Predicted(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "output", "numbers")))


def probed(run: Run) -> Predicted:
    """What a run predicts of its probe rows, which are training rows: where no others are, or training did not end.

    A network that diverged counts as predicting the classes' shares, or the mean, for every row.
    """
    probe = run.probe
    y, rows = probe["y"], probe["rows"]
    if run.card["task"] != "classification":
        y = y.astype(np.float64)
    if run.info["status"] != "diverged":
        model = load_model(run)
        target = y if run.card["task"] == "classification" else model.preprocessing.target_inverse(y)
        return Predicted(target, model.scores(probe["X"]).astype(np.float64), rows)
    if run.card["task"] == "classification":
        counts = np.bincount(y, minlength=len(run.card["classes"])) + 1e-3
        return Predicted(y, np.broadcast_to(counts / counts.sum(), (len(y), len(counts))), rows)
    return Predicted(y, np.broadcast_to(y.mean(axis=0), y.shape), rows)
