"""From a run to a diagnosis: every rule is asked, the earliest violated stage comes first, symptoms are subsumed."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from nn_scratch.config.project import command
from nn_scratch.doctor.diagnosis import STAGES, Diagnosis, Finding, Verdict
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.rule import RULES, load_rules
from nn_scratch.runs.run import Run

SEVERITIES = ("critical", "warning", "info")
SAFE = ("data", "config", "end")  # stages whose patches leave a run that works as good as it was, or better
SURE = 0.5  # confidence from which the stage decides which of two causes came first


def diagnose(run: Run) -> Diagnosis:
    """What is wrong with a run, by its folder alone. The same folder gives the same diagnosis."""
    load_rules()
    with np.errstate(all="ignore"):  # what overflowed is in the log as it was
        return _diagnose(Case(run))


def _diagnose(case: Case) -> Diagnosis:
    """What all rules say of it together."""
    found = [
        replace(finding, source=rule.source) for rule in RULES.values() if (finding := rule.check(case)) is not None
    ]
    findings = ranked(found)
    verdict = judge(case, findings)
    if verdict == "healthy":  # faint signs of what does no harm help nobody
        findings = [untreated(finding) for finding in findings if finding.severity != "info"]
    return Diagnosis(verdict, tuple(findings), summary(case, verdict, findings), figures(case))


def ranked(found: list[Finding]) -> list[Finding]:
    """The root cause first; findings that a more severe one before them explains become its symptoms."""
    order = sorted(
        found,
        key=lambda f: (
            SEVERITIES.index(f.severity),
            f.confidence < SURE,
            STAGES.index(f.stage),
            -f.confidence,
        ),
    )
    kept: list[Finding] = []
    for finding in order:
        cause = next(
            (
                i
                for i, other in enumerate(kept)
                if finding.rule in RULES[other.rule].explains
                and SEVERITIES.index(other.severity) <= SEVERITIES.index(finding.severity)
            ),
            None,
        )
        if cause is None:
            kept.append(finding)
        else:
            kept[cause] = replace(kept[cause], symptoms=(*kept[cause].symptoms, finding.rule))
    return kept


def judge(case: Case, findings: list[Finding]) -> Verdict:
    if any(finding.severity == "critical" for finding in findings):
        return "sick"
    if case.falls_short or case.diverged or case.unfinished or not case.held_rows:
        return "inconclusive"
    return "healthy"


def untreated(finding: Finding) -> Finding:
    """The finding as a healthy run hears it: other initial weights, or another rate, are a gamble."""
    return finding if finding.stage in SAFE else replace(finding, patches=())


def summary(case: Case, verdict: Verdict, findings: list[Finding]) -> str:
    """One sentence with the figures that speak for the verdict."""
    name = "balanced accuracy" if case.is_classification else "R²"
    if verdict == "inconclusive" and not case.held_rows:
        return f"inconclusive: {name} {case.train_score:.3f} on the training rows, and there are no others to judge by"
    score = f"{name} {case.held_score:.3f} on rows not trained on"
    if verdict == "inconclusive" and case.unfinished:
        return (
            f"inconclusive: not finished, {case.epochs_done} of {case.info['epochs_asked']} epochs; so far {score}, "
            f"{case.train_score:.3f} on the training rows; to go on: "
            f"{command('train')} --resume {case.run.as_typed}"
        )
    if isfinite(case.best_baseline):
        score += f", where {case.best_reference}"
    if verdict == "healthy":
        return f"healthy: {score}; {case.train_score:.3f} on the training rows"
    if verdict == "inconclusive":
        return f"inconclusive: {score}, and no rule says why with confidence"
    return f"sick: {findings[0].because}"


def figures(case: Case) -> dict[str, Any]:
    return {
        "score": case.held_score,
        "train_score": case.train_score,
        "attainable": case.best_baseline,
        "references": case.references,
        "chance": case.chance,
        "standard_error": case.standard_error,
        "rows": case.held_rows,
    }
