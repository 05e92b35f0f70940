"""labels.json: what people wrote about a run with `runs tag` and `runs note`."""

from __future__ import annotations

from typing import Annotated

from nn_scratch.runs.documents.base import Document, Text


class Labels(Document):
    tags: Annotated[list[Text] | None, "in the order given"] = None
    note: Text | None = None
