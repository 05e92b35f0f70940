"""run.json: how training went, and what the network scores."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import model_validator

from nn_scratch.runs.documents.base import (
    PARTS,
    Count,
    Document,
    Figures,
    Mapping,
    Number,
    OptionalNumber,
    Positive,
    Text,
    contradiction,
)


class Scores(Document, extra="allow"):
    """The scores of a part; every other key is a score, too (accuracy, balanced_accuracy, r2, rmse ...)."""

    __pydantic_extra__: dict[str, OptionalNumber]

    loss: Annotated[OptionalNumber, "the mean loss, without penalties"]
    recall: Annotated[Figures | None, "by class, the share of its rows that were predicted as it"] = None


class Diverged(Document):
    epoch: Annotated[Count, "the epoch in which training diverged"]
    step: Annotated[Count, "the first step with a value that is not finite"]
    layer: Annotated[Text, "the layer that it was found in"]
    what: Annotated[Text, "which of its values: loss, activation, gradient or weight"]


class BestFeature(Document, extra="allow"):
    """The feature that predicts best by itself; every other key is its score."""

    __pydantic_extra__: dict[str, OptionalNumber]

    feature: Annotated[Text, "its name"]
    part: Annotated[Text, "the part that it was scored on"]


class Baselines(Document):
    """The scores of simple models on the same rows, by part."""

    constant: Annotated[Mapping[Figures | None], "the majority class, or the mean of the targets"]
    linear: Annotated[Mapping[Figures | None], "logistic or ridge regression"]
    knn: Annotated[Mapping[Figures | None], "k-nearest neighbours"]
    best_feature: Annotated[BestFeature | None, "the feature that predicts best by itself"]


class Info(Document):
    name: Annotated[Text, "the folder's name as training began"]
    status: Annotated[
        Literal["running", "finished", "stopped", "diverged", "interrupted"],
        "stopped: by early stopping or a callback; interrupted: by a signal, and can be resumed",
    ]
    epochs: Annotated[Count, "epochs trained and logged"]
    epochs_asked: Annotated[Count, "`train.epochs`"]
    steps: Annotated[Count, "optimizer steps taken"]
    steps_per_epoch: Positive
    rows_a_step: Annotated[Positive, "rows per step; the last step of an epoch may have fewer"]
    best_epoch: Annotated[Count | None, "the epoch whose parameters early stopping restored, or null"]
    seconds: Annotated[Number, "first step to last commit: training, evaluation and logging"]
    samples_per_second: Annotated[OptionalNumber, "training rows per second of training"]
    initial: Annotated[Figures | None, "losses and scores before the first step"]
    train: Annotated[Scores | None, "scores of the trained network on the training rows, in evaluation mode"]
    val: Annotated[Scores | None, "the same on the validation rows"]
    test: Annotated[Scores | None, "the same on the test rows"]
    baselines: Annotated[Baselines | None, "what simple models score"]
    diverged: Annotated[Diverged | None, "where training diverged"]
    parameters: Annotated[Positive, "numbers that are trained, and those of layers that are not trainable"]
    flop_a_step: Annotated[Number, "floating-point operations per step, forward and backward"]
    threads: Annotated[Positive, "threads of the BLAS library"]
    notices: Annotated[list[Text], "what was done differently than configured, and why"]
    versions: Annotated[Mapping[Text], "of nn_scratch, Python and the libraries"]
    started: Annotated[Text | None, "local time with its offset, ISO 8601"] = None
    command: Annotated[Text | None, "the command line"] = None
    git_commit: Annotated[Text | None, "of the working directory's repository"] = None
    config_sha256: Annotated[Text | None, "of param.yaml"] = None
    data_sha256: Annotated[Text | None, "of all rows as read"] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.status == "diverged" and self.diverged is None:
            contradiction("status is diverged, and diverged does not say where")
        names = [scores.model_fields_set for scores in (getattr(self, part) for part in PARTS) if scores is not None]
        if any(others != names[0] for others in names):
            contradiction("train, val and test have not the same scores")
        return self
