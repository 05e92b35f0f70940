"""The JSON files of a run's folder as pydantic models: readers can rely on documents that pass.

The models check; what is read is the plain dict of the file, so that nothing is converted and no key is lost.
`docs/run-folder.md` is generated from them.
"""

from __future__ import annotations

from nn_scratch.runs.documents.base import MOST_COUNT, Document, misfit
from nn_scratch.runs.documents.card import Card
from nn_scratch.runs.documents.commit import Commit
from nn_scratch.runs.documents.diagnosis import Diagnosis
from nn_scratch.runs.documents.info import Info
from nn_scratch.runs.documents.labels import Labels
from nn_scratch.runs.documents.signals import Signals

__all__ = ["MOST_COUNT", "Card", "Commit", "Diagnosis", "Document", "Info", "Labels", "Signals", "misfit"]
