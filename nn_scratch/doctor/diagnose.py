"""From a run to a diagnosis: hypotheses are suspected, tested by retraining, graded and ranked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from nn_scratch.config.project import command
from nn_scratch.data.prepare import Data
from nn_scratch.doctor.counterfactual import Counterfactuals, Gain
from nn_scratch.doctor.diagnosis import MOST_KEYS, STAGES, Cost, Diagnosis, Finding, Patch, Suspicion, Verdict
from nn_scratch.doctor.evidence import HARM, Case
from nn_scratch.doctor.features import features_of
from nn_scratch.doctor.rule import RULES, load_rules
from nn_scratch.doctor.severity import cost_of, graded
from nn_scratch.runs.run import Run

SEVERITIES = ("critical", "warning", "info")
SAFE = ("data", "config", "end")  # stages whose patches leave a run that works as good as it was, or better
STEP = 0.15  # confidence by which a later cause has to be surer than an earlier one to come first; by hand
WORTH_ASKING = 0.02  # confidence from which retraining may decide; by hand
MOST_ASKED = 3  # questions that retraining answers; bounds time
LIKELIEST = 0.3  # strength from which a suspicion may explain why a run is behind; by hand
PROGRESS = logging.getLogger("nn_scratch.progress")
FEW_PATCHES = 3  # of a finding: fewer leave room for one with the patch of a symptom; by hand
ALMOST_ALL = 0.6  # of the budget; from which share on a question has all of it; by hand

Gains = Mapping[str, Gain]


def diagnose(run: Run, budget: int | None = None, data: Data | None = None) -> Diagnosis:
    """Diagnose a run, by its folder, and by retraining where that leaves doubts.

    budget: training steps that retraining may take; None: the run's own `diagnose.budget`; 0: none. data: the run's
    rows, which are read again where they are not given. The same folder and data give the same diagnosis.
    """
    load_rules()
    with np.errstate(all="ignore"):  # what overflowed is in the log as it was
        case = Case(run)
        suspicions = suspected(case)
        questions = Counterfactuals(run, budget, data=data)
        PROGRESS.info("retraining with and without what is suspected, for the diagnosis")
        gains = tested(case, suspicions, questions)
        PROGRESS.info("")
        return concluded(case, suspicions, gains, questions.to_json() if questions.asked else {})


def suspected(case: Case) -> list[Suspicion]:
    """The suspicions of all rules, without any retraining."""
    features = features_of(case)
    return [suspicion for rule in RULES.values() if (suspicion := rule.check(features)) is not None]


def concluded(
    case: Case, suspicions: Sequence[Suspicion], gains: Gains, retraining: Mapping[str, Any] | None = None
) -> Diagnosis:
    """The diagnosis from the suspicions, some of them tested by retraining."""
    findings = ranked(best_explanation(case, suspicions, all_graded(case, suspicions, gains)))
    verdict = judge(case, findings)
    if verdict == "healthy":  # weak signs of what does no harm are left out, and what retraining showed to do good
        findings = [untreated(one) for one in findings if one.severity != "info" and not does_good(one)]
    note = note_of(verdict, findings)
    return Diagnosis(
        verdict,
        tuple(findings),
        summary(case, verdict, findings, note),
        figures(case),
        note,
        retraining or {},
    )


def all_graded(case: Case, suspicions: Sequence[Suspicion], gains: Gains) -> list[Finding]:
    return [
        told(graded(case, one, rival_of(one, suspicions), gains.get(one.rule), RULES[one.rule].source), gains)
        for one in suspicions
    ]


def best_explanation(case: Case, suspicions: Sequence[Suspicion], findings: list[Finding]) -> list[Finding]:
    """Where a run is so far behind what plain models reach that something must be wrong, the likeliest finding is
    critical even if it is not likely by itself. Its confidence says how sure the cause is, not the harm."""
    if not case.far_behind or any(finding.severity == "critical" for finding in findings):
        return findings
    able = {one.rule for one in suspicions if one.most == "critical" and one.strength >= LIKELIEST}
    best = max((one for one in findings if one.rule in able), key=lambda one: one.confidence, default=None)
    if best is None:
        return findings
    # faults come in company: by itself its change may gain nothing
    cost = cost_of(case, next(one for one in suspicions if one.rule == best.rule), None)
    return [replace(one, severity="critical", cost=cost) if one is best else one for one in findings]


def rival_of(suspicion: Suspicion, suspicions: Sequence[Suspicion]) -> float:
    """The strength of the strongest other suspicion that explains this one."""
    return max(
        (one.strength for one in suspicions if suspicion.rule in RULES[one.rule].explains and one is not suspicion),
        default=0.0,
    )


def told(finding: Finding, gains: Gains) -> Finding:
    """The finding with the result of retraining in its evidence. Where a whole training with the first patch gained too
    little, the second comes first."""
    gain = gains.get(finding.rule)
    if gain is None:
        return finding
    said = {"gain_by_retraining": gain.mean, "gain_at_least": gain.low, "gain_at_most": gain.high}
    patches = finding.patches
    if len(patches) > 1 and finding.severity == "critical" and gain.share == 1.0 and gain.mean < HARM:
        finding = replace(finding, patches=(patches[1], patches[0], *patches[2:]))
    return replace(finding, evidence={**finding.evidence, **said})


# --- retraining


def tested(case: Case, suspicions: Sequence[Suspicion], questions: Counterfactuals) -> dict[str, Gain]:
    """Ask the network about the likeliest suspicions, as far as the budget goes; by rule, what was gained."""
    gains: dict[str, Gain] = {}
    if case.unfinished or not questions.left:
        return gains
    by_rule = {one.rule: one for one in suspicions}
    likely = [
        finding
        for finding in sorted(all_graded(case, suspicions, gains), key=lambda finding: -finding.confidence)
        if finding.confidence >= WORTH_ASKING and askable(by_rule[finding.rule], finding)
    ][:MOST_ASKED]
    while likely:
        finding = likely.pop(0)
        share = finding.confidence / (finding.confidence + sum(other.confidence for other in likely))
        if share > ALMOST_ALL or by_rule[finding.rule].whole:
            share = 1.0  # trained to its end, it is compared with the run itself
        gain = answered(by_rule, finding.rule, gains)
        if gain is None:
            gain = asked(case, by_rule[finding.rule], questions, int(share * questions.left))
        if gain is not None:
            gains[finding.rule] = gain
            if gain.low > HARM:  # the others are no better explanation, but those of which it may be a symptom
                likely = [other for other in likely if finding.rule in RULES[other.rule].explains]
    return gains


def askable(suspicion: Suspicion, finding: Finding) -> bool:
    return suspicion.testable and not suspicion.certain and bool(finding.patches)


def answered(suspicions: Mapping[str, Suspicion], rule: str, gains: Gains) -> Gain | None:
    """The gain of the suspicion's change where another suspicion has the same, trained as far as this one asks."""
    patch, whole = suspicions[rule].patches[0].set, suspicions[rule].whole
    known = (gains[other] for other in gains if suspicions[other].patches[0].set == patch)
    return next((gain for gain in known if gain.share == 1.0 or not whole), None)


def asked(case: Case, suspicion: Suspicion, questions: Counterfactuals, steps: int) -> Gain | None:
    """The gain of the suspicion's change in at most so many steps; None where that cannot be measured."""
    if not suspicion.goes_on:
        return questions.ask(suspicion.patches[0].set, steps, whole=suspicion.whole, ends=suspicion.ends)
    epochs = min(int(case.info["epochs_asked"]), steps // max(1, int(case.info["steps_per_epoch"])))
    if epochs < 1 or not case.run.path.is_dir():
        return None
    longer = {"init_from": {"run": str(case.run.path.resolve())}, "train.epochs": epochs}
    gain = questions.ask(longer, steps)
    return gain if gain is not None and gain.share == 1.0 else None  # else the other arm is not the run itself


# --- the order of findings


def ranked(found: list[Finding]) -> list[Finding]:
    """The root cause first; findings that a more severe one before them explains become its symptoms, and their
    patches are offered together with its own."""
    order = sorted(
        found,
        key=lambda f: (SEVERITIES.index(f.severity), -round(f.confidence / STEP), STAGES.index(f.stage), -f.confidence),
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
            kept[cause] = with_symptom(kept[cause], finding)
    return kept


def with_symptom(cause: Finding, symptom: Finding) -> Finding:
    """The cause with one more symptom. Its patch may be needed as well: before the cause's other patches where the
    symptom is critical by itself, or the cause's patch alone was not seen to gain anything; else after them, where they
    are few, and the symptom is more than a weak sign of how training ended."""
    patches = list(cause.patches)
    unproven = symptom.severity == "warning" and cause.evidence.get("gain_at_least", 0.0) < 0
    needed = symptom.severity == "critical" or unproven
    sign = symptom.severity == "warning" or symptom.stage not in ("epochs", "end")
    few = cause.severity == "critical" and len(patches) < FEW_PATCHES and sign
    if (needed or few) and patches and symptom.patches:
        first, other = patches[0], symptom.patches[0]
        both = {**first.set, **other.set}
        new = not set(first.set) & set(other.set) and both not in [patch.set for patch in patches]
        if new and len(both) <= MOST_KEYS:
            joined = sum(first.set.items() <= patch.set.items() for patch in patches)  # with likelier symptoms, and it
            at = joined if needed else len(patches)
            patches.insert(at, Patch(both, f"{first.why}; {other.why}"))
    return replace(cause, symptoms=(*cause.symptoms, symptom.rule), patches=tuple(patches))


# --- the verdict


def judge(case: Case, findings: list[Finding]) -> Verdict:
    if any(finding.severity == "critical" for finding in findings):
        return "sick"
    if case.falls_short or case.diverged or case.unfinished:
        return "inconclusive"
    return "healthy"


def does_good(finding: Finding) -> bool:
    """Whether the run surely scores lower without what was found, and has no lower log loss."""
    log_loss = None if finding.cost is None else finding.cost.log_loss
    return finding.evidence.get("gain_at_most", 0.0) < 0 and not (log_loss or 0.0) > 0


def untreated(finding: Finding) -> Finding:
    """The finding as it is reported of a healthy run, without patches that may do harm there: other initial weights,
    or another rate."""
    return finding if finding.stage in SAFE else replace(finding, patches=())


def note_of(verdict: Verdict, findings: Sequence[Finding]) -> str:
    """What a healthy run should know nevertheless."""
    if verdict != "healthy" or not findings:
        return ""
    first = findings[0]
    return first.because + price_of(first.cost)


def price_of(cost: Cost | None) -> str:
    """What a finding that is not critical costs, as the end of a sentence; nothing where that cannot be measured."""
    if cost is None:
        return ""
    loss = cost.log_loss if (cost.log_loss or 0.0) > HARM else None
    if cost.tested and cost.low > 0:
        return f"; this costs {cost.mean:.3f} of {cost.measure}" + (f" and {loss:.2g} nats of log loss" if loss else "")
    return f"; this costs {loss:.2g} nats of log loss, not {cost.measure}" if loss and not cost.mean > HARM else ""


def summary(case: Case, verdict: Verdict, findings: Sequence[Finding], note: str) -> str:
    """One sentence with the figures that the verdict rests on."""
    name = "balanced accuracy" if case.is_classification else "R²"
    if case.judged_by == "train":
        score = f"{name} {case.train_score:.3f} on the training rows, by which it is judged because there are no others"
    else:
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
        trained = "" if case.judged_by == "train" else f"; {case.train_score:.3f} on the training rows"
        return f"healthy{', but ' + note if note else ''}: {score}{trained}"
    if verdict == "inconclusive":
        return f"inconclusive: {score}, and no hypothesis explains it with confidence"
    return f"sick: {findings[0].because}"


def figures(case: Case) -> dict[str, Any]:
    return {
        "score": case.held_score,
        "accuracy": case.accuracy,
        "train_score": case.train_score,
        "judged_by": case.judged_by,
        "attainable": case.best_baseline,
        "references": case.references,
        "selection_bias": case.selection_bias,
        "chance": case.chance,
        "standard_error": case.standard_error,
        "rows": case.held_rows or case.train_rows,
    }
