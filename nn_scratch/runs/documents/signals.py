"""signals.json: what is measured once per run, before the first step and at the end, for the doctor."""

from __future__ import annotations

from typing import Annotated, Literal

from nn_scratch.runs.documents.base import Count, Document, Figures, Mapping, Number, OptionalNumber, Text


class LayerAtStart(Document, extra="allow"):
    """A dense layer before the first step, on the probe rows. Z: before the activation, A: after it."""

    __pydantic_extra__: dict[str, OptionalNumber]

    layer: Annotated[Text, "hidden_1, hidden_2 ... output"]
    inputs: Count
    units: Count
    activation: Annotated[Text, "the one that follows, whether the layer's own or a layer of its own"]
    W_std: Annotated[OptionalNumber, "root mean square of the weights"]
    W_std_suited: Annotated[OptionalNumber, "standard deviation of the initializer that suits the activation"]
    W_std_declared: Annotated[OptionalNumber, "standard deviation of the initializer that the config declares"]
    b_mean: OptionalNumber
    b_std: OptionalNumber
    Z_mean: OptionalNumber
    Z_std: OptionalNumber
    Z_spread: Annotated[OptionalNumber, "standard deviation over the rows, averaged over the units"]
    A_std: OptionalNumber
    A_spread: Annotated[OptionalNumber, "as Z_spread, of A"]
    dead_share: Annotated[OptionalNumber, "units that are 0 on every row"]
    flat_share: Annotated[OptionalNumber, "values at which the activation is saturated"]
    gradient_norm: OptionalNumber
    gradient_rms: Annotated[OptionalNumber, "root mean square of the gradient of weights and biases"]
    twin_units: Annotated[OptionalNumber, "share of the units with the weights and the gradient of another unit"]


class GradientError(Document):
    layer: Text
    entries: Annotated[Count, "entries of the gradient that were compared with finite differences"]
    error: Annotated[OptionalNumber, "relative error"]


class Start(Document):
    """Before the first step, on the probe rows, in double precision."""

    loss: OptionalNumber
    layers: list[LayerAtStart]
    output: Annotated[Figures, "std, min and max of the output layer before its activation"]
    gradient_errors: Annotated[list[GradientError], "backpropagation compared with finite differences, by layer"]
    target: Annotated[Figures, "regression: mean, std, min and max of the scaled targets"]


class LayerAtEnd(Document):
    layer: Text
    W_rms: Annotated[OptionalNumber, "root mean square of the weights"]
    moved: Annotated[OptionalNumber, "norm of the change of the weights since the start, relative to their norm then"]


class Giveaway(Document):
    """With test rows of their own: the feature that predicts the validation rows best."""

    feature: Text
    val: Annotated[OptionalNumber, "its score on the validation rows"]
    test: Annotated[OptionalNumber, "its score on the test rows"]


class CopiedTarget(Document):
    column: Annotated[Text, "the column that is the target, or is computed from it"]
    kind: Annotated[
        Literal["share", "ratio", "r2"],
        "share: of rows whose class the column determines; ratio: of its variance that lies between classes; "
        "r2: of the target's variance that it explains",
    ]
    value: Annotated[Number, "the share, the ratio or R²"]
    limit: Annotated[Number, "from which the column counts as a copy"]
    exact: Annotated[bool, "whether the target follows from it without error"]
    without: Annotated[OptionalNumber, "score of a plain model on the other columns"] = None


class TellingColumns(Document):
    """One column, or two, that predict the target all but exactly, while all others together do not."""

    columns: list[Text]
    score: Annotated[OptionalNumber, "that these reach alone"]
    how: Annotated[Text, "the model that reaches it"]
    without: Annotated[OptionalNumber, "score of a plain model on the other columns"]


class RowOrder(Document):
    """A column that never falls, or never rises, along the rows, whose neighbours have similar targets."""

    column: Text
    counts: Annotated[bool, "whether it numbers the rows"]
    correlation: Annotated[OptionalNumber, "of the targets of neighbouring rows"]
    random: Annotated[OptionalNumber, "score of a plain model on rows left out at random"]
    later: Annotated[OptionalNumber, "its score on the last rows, fitted on the earlier ones"]
    without: Annotated[OptionalNumber, "as `random`, without the column"]


class End(Document):
    finite: Annotated[bool, "whether every parameter is finite"]
    penalty_over_data: Annotated[Number | None, "norm of the penalties' gradient relative to that of the data"] = None
    data_gradient: Annotated[Number | None, "norm of the data's gradient"] = None
    layers: list[LayerAtEnd] | None = None
    confident_errors: Annotated[Figures | None, "written by versions before 0.2"] = None
    giveaway: Giveaway | None = None
    repeated_rows: Annotated[Mapping[list[Count]] | None, "held-out rows that equal a training row, by part"] = None
    copied_target: CopiedTarget | None = None
    telling_columns: TellingColumns | None = None
    row_order: RowOrder | None = None


class WithoutBest(Document):
    score: Annotated[OptionalNumber, "the score that is attainable without the best feature"]


class Attainable(Document, extra="allow"):
    """The scores of the best baseline; every other key is a number."""

    __pydantic_extra__: dict[str, OptionalNumber]

    without_best: WithoutBest | None = None


class Signals(Document):
    start: Start
    order: Annotated[Figures, "how far the labels of the first epoch's batches differ from those of shuffled rows"]
    end: Annotated[End | None, "not there until training ended"] = None
    plain_network: Annotated[Figures | None, "scores of a small network with default settings"] = None
    attainable: Annotated[Attainable | None, "scores of the best baseline"] = None
