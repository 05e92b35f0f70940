"""diagnosis.json: the doctor's findings."""

from __future__ import annotations

from typing import Annotated, Any

from nn_scratch.runs.documents.base import Document, Mapping, Number, Text, TextOrNumber


class Patch(Document):
    set: Annotated[Mapping[Any], "new values by dotted key of the config"]
    why: Annotated[Text | None, "why it helps"] = None


class Finding(Document):
    rule: Annotated[Text, "its name, as in the zoo"]
    severity: Annotated[Text, "critical, warning or info"]
    confidence: Annotated[Number | None, "0 to 1"] = None
    stage: Annotated[Text, "data, config, init, first_steps, epochs or end"]
    where: Annotated[Mapping[TextOrNumber | None] | None, "layer, epoch and step"] = None
    evidence: Annotated[Mapping[Any] | None, "the figures that were tested, and their thresholds"] = None
    because: Annotated[Text, "the explanation, one sentence"]
    symptoms: Annotated[list[Text] | None, "rules that this finding explains"] = None
    patches: list[Patch] | None = None
    source: Annotated[Text | None, "where the rule comes from"] = None


class Diagnosis(Document):
    verdict: Annotated[Text, "healthy, sick or inconclusive"]
    findings: Annotated[list[Finding], "the root cause first"]
