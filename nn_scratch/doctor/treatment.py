"""Treatment: patches tried on the same split with new seeds, and kept only where the score comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.project import CONFIGS
from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import dump_config, to_plain, value_text
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import MOST_KEYS, Diagnosis, Finding, Patch
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.patch_text import changes
from nn_scratch.doctor.watch import watch_session
from nn_scratch.errors import UserError
from nn_scratch.experiments.parallel import QUIET, Job, run_all, split_by
from nn_scratch.experiments.train import Session
from nn_scratch.runs.files import disk_errors, write_bytes
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer

MOST_CANDIDATES = 3
SEEDS = 3  # of initial weights, order and dropout, the same for every candidate
WORTH = 0.02  # points of the score by which a patch must beat the run as it was
OF_THE_DATA = frozenset({"label_noise", "leakage"})  # faults that no line of YAML mends


@dataclass(frozen=True)
class Trial:
    """One training: its scores on held-out rows (val chooses, both are shown), and what the doctor said of it."""

    val: float
    held: float
    verdict: str
    first_rule: str | None
    recall: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """The same config with several seeds."""

    name: str
    patch: Patch | None
    trials: tuple[Trial, ...]

    def mean(self, what: str = "held") -> float:
        return float(np.mean([getattr(trial, what) for trial in self.trials])) if self.trials else nan

    def spread(self, what: str = "held") -> float:
        values = [getattr(trial, what) for trial in self.trials]
        return float(np.std(values, ddof=1)) if len(values) > 1 else nan

    def recall(self) -> dict[str, float]:
        """Recall of each class, mean over the trials."""
        known: dict[str, list[float]] = {}
        for trial in self.trials:
            for name, share in trial.recall.items():
                if share is not None:
                    known.setdefault(name, []).append(share)
        return {name: float(np.mean(shares)) for name, shares in known.items()}


@dataclass(frozen=True)
class Treatment:
    """What was tried. best: the arm that helped, or None."""

    diagnosis: Diagnosis
    before: Arm | None
    arms: tuple[Arm, ...]
    best: Arm | None
    said: str  # the outcome in a sentence
    written: Path | None = None


def treat(run: Run, folder: Path | None = None, jobs: int | None = None) -> Treatment:
    """Diagnose a run, try the patches of what is critical, and write <name>.fixed.yaml where one helps.

    folder: where to write it, instead of CONFIGS. A run that is not sick is left as it is.
    """
    diagnosis = diagnose(run)
    critical = [finding for finding in diagnosis.findings if finding.severity == "critical"]
    if not critical:
        return Treatment(diagnosis, None, (), None, f"nothing to mend: the verdict is {diagnosis.verdict}")
    if critical[0].rule in OF_THE_DATA and not critical[0].patches:
        return Treatment(
            diagnosis, None, (), None, f"the fault is in the data, not in the config: {critical[0].because}"
        )
    config = config_from(run.config)
    patches = candidates(critical, config)
    if not patches:
        return Treatment(diagnosis, None, (), None, "the doctor knows no line of YAML that mends this")
    arms = try_out(config, [None, *patches], SEEDS, jobs)
    before, after = arms[0], arms[1:]
    best = after[chosen([arm.mean("val") for arm in after])]
    gain = best.mean() - before.mean()
    of_data = " The fault is in the data: no line of YAML mends it fully." if critical[0].rule in OF_THE_DATA else ""
    if not (best.mean("val") - before.mean("val") > WORTH and gain > WORTH):
        return Treatment(diagnosis, before, after, None, "nothing helped: no patch brought the score back." + of_data)
    assert best.patch is not None
    path = Path(folder or CONFIGS) / f"{config.name}.fixed.yaml"
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, fixed_yaml(config, best.patch, critical[0]).encode())
    said = f"{best.name} brings {before.mean():.3f} to {best.mean():.3f} on rows not trained on.{of_data}"
    return Treatment(diagnosis, before, after, best, said, path)


def candidates(critical: Sequence[Finding], config: Config) -> list[Patch]:
    """At most MOST_CANDIDATES patches that fit the config, the likeliest first."""
    first = critical[0]
    others = [finding.patches[0] for finding in critical[1:] if finding.patches]
    ordered = [*first.patches[:1], *first.patches[1:2], *both(first, others), *others, *first.patches[2:]]
    found: list[Patch] = []
    for patch in ordered:
        if len(found) < MOST_CANDIDATES and all(dict(patch.set) != dict(other.set) for other in found):
            try:
                change_config(config, patch.set)
            except UserError:
                continue
            found.append(patch)
    return found


def both(first: Finding, others: Sequence[Patch]) -> list[Patch]:
    """The first patch of the root cause together with that of another finding, where two keys hold them."""
    return [
        Patch({**first.patches[0].set, **other.set}, f"{first.patches[0].why}; {other.why}")
        for other in others[:1]
        if first.patches
        and len({*first.patches[0].set, *other.set}) <= MOST_KEYS
        and not set(first.patches[0].set) & set(other.set)
    ]


def try_out(config: Config, patches: Sequence[Patch | None], seeds: int, jobs: int | None) -> tuple[Arm, ...]:
    """Train every candidate with the same new seeds, in parallel processes of one BLAS thread each."""
    plain = to_plain(config)
    wanted = [(patch, config.seed + 1 + seed) for patch in patches for seed in range(seeds)]
    results = list(run_all((trial_job(config, patch, seed) for patch, seed in wanted), jobs))
    return tuple(
        Arm(
            patch_name(patch, plain),
            patch,
            tuple(result for (of, _), result in zip(wanted, results, strict=True) if of is patch),
        )
        for patch in patches
    )


def chosen(scores: Sequence[float]) -> int:
    """Which patch to keep, by their scores on val, the likeliest first: a later one where it is better by WORTH."""
    best = 0
    for number, score in enumerate(scores):
        if score > scores[best] + WORTH or not isfinite(scores[best]):
            best = number
    return best


def patch_name(patch: Patch | None, config: Mapping[str, Any]) -> str:
    if patch is None:
        return "as it was"
    return ", ".join(f"{key}: {value_text(new)}" for key, _, new in changes(patch, config))


def trial_job(config: Config, patch: Patch | None, seed: int) -> Job[Trial]:
    """One training of the patched config; rows are split by the config's own seed, all else is random by `seed`."""
    patched = change_config(config, {**(patch.set if patch else {}), **QUIET, "seed": seed, "name": "trial"})
    return Job(patched, judged, split_by(config.seed), watched)


def watched(session: Session) -> Sequence[Observer]:
    return (watch_session(session),)


def judged(run: Run) -> Trial:
    case, diagnosis = Case(run), diagnose(run)
    part = run.info.get("val") or {}
    val = part.get(case.score_name)
    recall = part.get("recall") or {}
    return Trial(
        val=case.chance if case.diverged or val is None else float(val),
        held=case.held_score,
        verdict=diagnosis.verdict,
        first_rule=diagnosis.findings[0].rule if diagnosis.verdict == "sick" else None,
        recall=dict(recall),
    )


def fixed_yaml(config: Config, patch: Patch, finding: Finding) -> str:
    """The mended config, with what was changed and why at its head."""
    plain = to_plain(config)
    head = [f"# Mended by the doctor: {finding.rule}. {finding.because}".replace("\n", " ")]
    for key, old, new in changes(patch, plain):
        head += [f"#   - {key}: {value_text(old)}", f"#   + {key}: {value_text(new)}"]
    head.append(f"# Why: {patch.why}.")
    return "\n".join(head) + "\n\n" + dump_config(change_config(config, patch.set))
