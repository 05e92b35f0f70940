"""data.json: the data card."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from nn_scratch.runs.documents.base import (
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


class Split(Document, extra="allow"):
    __pydantic_extra__: dict[str, bool]

    own_test: Annotated[bool, "whether the test rows come from a source of their own"]


class TargetStatistics(Document):
    """A list each, with a number for every target."""

    mean: list[OptionalNumber]
    std: list[OptionalNumber]
    min: list[OptionalNumber]
    max: list[OptionalNumber]


class HeldOutPart(Document):
    rows: Annotated[Count, "rows of the part"]
    class_counts: Annotated[Mapping[Count] | None, "classification: rows by class"] = None
    target: Annotated[TargetStatistics | None, "otherwise: statistics of the targets, null without rows"] = None


class TrainingPart(HeldOutPart):
    rows: Annotated[Positive, "rows of the part"]


class Parts(Document):
    train: TrainingPart
    val: HeldOutPart
    test: HeldOutPart


class Majority(Document):
    name: Annotated[Text, Field(alias="class"), "the most frequent class of the training rows"]
    train: Annotated[OptionalNumber, "its share: the accuracy of the majority-class baseline"]
    val: OptionalNumber
    test: OptionalNumber


class FeatureStatistics(Document, extra="allow"):
    """Every other key is a statistic of the raw training rows: a list with a number for each feature listed."""

    __pydantic_extra__: dict[str, list[OptionalNumber]]

    listed: Annotated[Count, "how many features are listed, the first 1,000 at most"]
    name: Annotated[list[Text], "their names"]


class Extreme(Document):
    feature: Annotated[Text, "the feature with the largest absolute value"]
    value: Annotated[OptionalNumber, "that value, with its sign"]


class FeatureSummary(Document, extra="allow"):
    """Over all features; every other key is the largest value of a statistic and the feature that has it."""

    __pydantic_extra__: dict[str, Extreme | None]

    constant: Annotated[Count, "features with one value in all training rows"]
    constant_names: Annotated[list[Text], "the first 20 of them"]
    missing: Annotated[Count, "cells of the table without a value"]
    std_min: Annotated[OptionalNumber, "the smallest standard deviation of a feature that is not constant"]
    std_max: Annotated[OptionalNumber, "the largest"]


class Duplicates(Document, extra="allow"):
    """Rows whose features all equal another row's."""

    __pydantic_extra__: dict[str, Count]

    within_train: Annotated[Count, "of another training row"]
    val_in_train: Annotated[Count, "validation rows that equal a training row"]
    test_in_train: Annotated[Count, "test rows that equal a training row"]
    test_in_val: Annotated[Count, "test rows that equal a validation row"]


class Card(Document):
    origin: Annotated[Text, "where the rows come from"]
    task: Literal["classification", "regression", "multi_label"]
    rows: Annotated[Positive, "rows of all parts"]
    features: Annotated[Positive, "columns of the network's input"]
    target: Annotated[list[Text], "the columns that are predicted"]
    classes: Annotated[list[Text] | None, "their names as in the file; null unless classification"]
    image_shape: Annotated[list[Positive] | None, "height, width and channels where a row is an image"]
    split: Annotated[Split, "how the parts came about"]
    parts: Annotated[Parts, "rows, and class counts or target statistics, by part"]
    entropy: Annotated[Number | None, "of the class shares of the training rows, in nats"] = None
    majority: Annotated[Majority | None, "the most frequent class and its share in each part"] = None
    order: Annotated[Figures, "how the training rows are ordered before shuffling"]
    feature_statistics: FeatureStatistics
    feature_summary: FeatureSummary
    input: Annotated[Figures, "extremes of the network's input, after scaling"]
    duplicates: Duplicates

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.target:
            contradiction("target is empty")
        if (self.task == "classification") != bool(self.classes):
            contradiction(f"classes are not those of a {self.task}")
        parts: dict[str, HeldOutPart] = {
            "train": self.parts.train,
            "val": self.parts.val,
            "test": self.parts.test,
        }
        if self.classes:
            self._check_classes(self.classes, parts)
        else:
            self._check_targets(parts)
        listed = self.feature_statistics.listed
        statistics: list[list[Any]] = [
            self.feature_statistics.name,
            *(self.feature_statistics.model_extra or {}).values(),
        ]
        if listed > self.features or any(len(values) != listed for values in statistics):
            contradiction("feature_statistics is not of each feature")
        return self

    def _check_classes(self, classes: list[str], parts: dict[str, HeldOutPart]) -> None:
        for name in ("entropy", "majority"):
            if getattr(self, name) is None:
                contradiction(f"{name} is missing")
        for name, part in parts.items():
            counts = part.class_counts
            if counts is None or list(counts) != classes or sum(counts.values()) != part.rows:
                contradiction(f"parts.{name}.class_counts are not its rows by class")

    def _check_targets(self, parts: dict[str, HeldOutPart]) -> None:
        for name, part in parts.items():
            statistics = part.target
            values = [] if statistics is None else [*statistics.__dict__.values()]
            if (statistics is None) != (part.rows == 0) or any(len(each) != len(self.target) for each in values):
                contradiction(f"parts.{name}.target is not of each target")
