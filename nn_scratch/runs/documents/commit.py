"""commit.json: how much of every file is whole. Readers use it, not the headers."""

from __future__ import annotations

from typing import Annotated

from nn_scratch.runs.documents.base import Count, Document, Mapping, Number, OptionalNumber, Positive, Text
from nn_scratch.runs.documents.info import Diverged


class File(Document):
    rows: Annotated[Count, "whole rows; of a CSV without its header"]
    bytes: Annotated[Count | None, "of a CSV: the size up to the last whole row"] = None


class StepLog(Document):
    """The rows of step/, a list each, an entry for each logged step."""

    epochs: list[Count]
    steps: list[Count]
    rates: Annotated[list[Number], "learning rates"]
    regular: Annotated[Count, "how many of them belong to the epochs that `log.every` selects"]
    kinds: Annotated[list[Text], "gradient, update and the slots of the optimizer"]
    best: list[OptionalNumber] | None
    last: list[OptionalNumber] | None


class Commit(Document):
    epoch: Annotated[Count, "the last epoch that is whole"]
    step: Annotated[Count, "optimizer steps until then"]
    files: Annotated[Mapping[File], "by path in the folder"]
    tensor_epochs: Annotated[list[Count], "the epoch of each row of the tensor logs; the first is 0"]
    stride: Annotated[Positive, "tensors are logged in every stride-th epoch"]
    diverged: Annotated[Diverged | None, "where training diverged"] = None
    step_log: StepLog | None = None
