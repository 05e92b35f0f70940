"""What is counted, with intervals: Wilson's for shares (95 %), the bootstrap's for means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

import numpy as np

from tests.doctor_benchmark.baselines import RIGHT
from tests.doctor_benchmark.case import Case
from tests.doctor_benchmark.recipes import dense

WORTH = 0.02  # points by which a later patch must be better to be kept
HARM = 0.05  # points from which a fault does harm, as in generate.py
MENDED = 0.02  # a patched run's score is no further below the best known cure's
MOST_PATCHES = 3
Z = 1.959964  # 95 %


@dataclass(frozen=True)
class Said:
    """A finding, as far as it is counted."""

    rule: str
    severity: str
    layer: str | None
    confidence: float = nan


@dataclass(frozen=True)
class Trial:
    """A patch, tried at the seeds of repair: mean scores on the validation and on the test rows (nan: refused)."""

    changes: dict[str, Any]
    val: float
    test: float


@dataclass(frozen=True)
class Result:
    """What was found out about a case."""

    case: Case
    verdict: str
    findings: tuple[Said, ...]
    trials: tuple[Trial, ...]  # the doctor's patches, best first
    alarms: dict[str, tuple[str, ...]]  # by baseline
    random_trials: tuple[Trial, ...]
    seconds: float  # of the diagnosis
    error: str = ""
    harm: float = nan  # of the run that was diagnosed: how far it is behind its twin without the fault

    @property
    def holds(self) -> bool:
        """Whether the run is still what its case was chosen for: networks are chaotic, and another version of a library
        rounds otherwise."""
        return not (self.harm < HARM if self.case.kind == "fault" else self.harm >= HARM)

    @property
    def critical(self) -> tuple[Said, ...]:
        return tuple(said for said in self.findings if said.severity == "critical")


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        n = self.of
        if not n:
            return nan, nan
        p = self.hits / n
        middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z * sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Mean:
    """A mean of numbers, in points."""

    values: tuple[float, ...]

    @property
    def of(self) -> int:
        return len(self.values)

    @property
    def value(self) -> float:
        return float(np.mean(self.values)) if self.values else nan

    @property
    def interval(self) -> tuple[float, float]:
        """The bootstrap's 95 % interval (percentiles, 2,000 draws, one seed)."""
        if not self.values:
            return nan, nan
        rng = np.random.default_rng(0)
        drawn = np.asarray(self.values)[rng.integers(0, self.of, (2000, self.of))].mean(axis=1)
        low, high = np.percentile(drawn, [2.5, 97.5])
        return float(low), float(high)


def share(results: Iterable[Result], holds: Callable[[Result], bool]) -> Share:
    found = [holds(result) for result in results]
    return Share(sum(found), len(found))


def of_kind(results: Iterable[Result], *kinds: str) -> list[Result]:
    return [result for result in results if result.case.kind in kinds]


# ---- the doctor ----


def found(results: Sequence[Result]) -> Share:
    """Harmful faults with a critical finding of any rule."""
    return share(of_kind(results, "fault"), lambda r: bool(r.critical))


def found_by_its_rule(results: Sequence[Result]) -> Share:
    """Harmful faults whose cause stands anywhere among the findings, at any severity."""
    return share(of_kind(results, "fault"), lambda r: any(said.rule in r.case.rules for said in r.findings))


def false_alarms(results: Sequence[Result]) -> Share:
    return share(of_kind(results, "healthy"), lambda r: bool(r.critical))


def false_alarms_on_decoys(results: Sequence[Result]) -> Share:
    return share(of_kind(results, "decoy"), lambda r: bool(r.critical))


def cause_first(results: Sequence[Result]) -> Share:
    return share(of_kind(results, "fault"), lambda r: bool(r.findings) and r.findings[0].rule in r.case.rules)


def layer_right(results: Sequence[Result]) -> Share:
    """Of the faults planted in one layer, those whose first finding names it."""
    with_layer = [r for r in of_kind(results, "fault") if r.case.layer is not None]
    return share(with_layer, lambda r: bool(r.findings) and r.findings[0].layer in layers_of(r.case))


def layers_of(case: Case) -> set[str | None]:
    """The layer that a fault was planted in; and the first, where the second sends its gradient back with the wrong
    sign: a wrong sign of the first layer's own gradient is the same network, where its activation learns nothing."""
    hidden = [layer for _, layer in dense(case.config)]
    second = "hidden_2" if len(hidden) > 1 else "output"
    sent_wrong = case.wrong_gradient == {"layer": second, "how": "dX_sign"}
    return {case.layer, "hidden_1"} if sent_wrong and hidden[0].get("activation") != "prelu" else {case.layer}


def mended(result: Result, trial: Trial) -> bool:
    return bool(trial.test >= np.mean(result.case.cure) - MENDED)


def chosen(scores: Sequence[float]) -> int:
    """Which patch to keep, by their scores on val, the likeliest first: a later one where it is better by WORTH."""
    best = 0
    for number, score in enumerate(scores):
        if score > scores[best] + WORTH or not np.isfinite(scores[best]):
            best = number
    return best


def best(trials: Sequence[Trial]) -> Trial | None:
    """The one that would be kept, by the validation rows."""
    tried = [trial for trial in trials if np.isfinite(trial.val)]
    return tried[chosen([trial.val for trial in tried])] if tried else None


def repaired(results: Sequence[Result]) -> Share:
    def holds(result: Result) -> bool:
        kept = best(result.trials[:MOST_PATCHES])
        return kept is not None and mended(result, kept)

    return share(curable(results), holds)


def first_patch_repairs(results: Sequence[Result]) -> Share:
    return share(curable(results), lambda r: bool(r.trials) and mended(r, r.trials[0]))


def curable(results: Sequence[Result]) -> list[Result]:
    return [r for r in of_kind(results, "fault") if r.case.curable]


def harm_to_healthy(results: Sequence[Result]) -> Mean:
    """Points lost by the first patch that a healthy run is offered, over the runs that are offered one."""
    offered = [r for r in of_kind(results, "healthy") if r.trials and np.isfinite(r.trials[0].test)]
    return Mean(tuple(100 * float(np.mean(r.case.cure) - r.trials[0].test) for r in offered))


def random_patch(results: Sequence[Result]) -> tuple[Share, Share]:
    """The first of some random patches repairs; the best of three does."""
    tried = [r for r in curable(results) if r.random_trials]

    def kept(result: Result) -> bool:
        chosen = best(result.random_trials[:MOST_PATCHES])
        return chosen is not None and mended(result, chosen)

    return share(tried, lambda r: mended(r, r.random_trials[0])), share(tried, kept)


# ---- the baselines ----


def baseline_figures(results: Sequence[Result], name: str) -> dict[str, Share]:
    def alarms(result: Result) -> tuple[str, ...]:
        return result.alarms.get(name, ())

    faults = of_kind(results, "fault")
    return {
        "found": share(faults, lambda r: bool(alarms(r))),
        "false alarms": share(of_kind(results, "healthy"), lambda r: bool(alarms(r))),
        "on decoys": share(of_kind(results, "decoy"), lambda r: bool(alarms(r))),
        "cause first": share(faults, lambda r: bool(alarms(r)) and bool(RIGHT[alarms(r)[0]] & set(r.case.rules))),
    }


# ---- the table ----


@dataclass(frozen=True)
class Figure:
    name: str
    published: str
    goal: str
    reached: Callable[[float], bool]
    ours: Share | Mean


def figures(results: Sequence[Result]) -> list[Figure]:
    """The table "What counts as good"."""
    return [
        Figure("harmful faults found", "94 % (DEFault); AT 23 %", "97 %", lambda v: v >= 0.97, found(results)),
        Figure(
            "false alarms on tricky healthy runs",
            "DD 36 %, DeepLocalize 72 %",
            "2 %",
            lambda v: v <= 0.02,
            false_alarms(results),
        ),
        Figure("root cause named first", "63 % (DEFault)", "85 %", lambda v: v >= 0.85, cause_first(results)),
        Figure("layer named right", "76 % (Theia), 65 % (DD)", "85 %", lambda v: v >= 0.85, layer_right(results)),
        Figure("repaired (curable, 3 patches)", "AT 5 of 30", "90 %", lambda v: v >= 0.90, repaired(results)),
        Figure("first patch repairs", "random patch 17 %", "75 %", lambda v: v >= 0.75, first_patch_repairs(results)),
        Figure(
            "harm of a patch to a healthy run",
            "not reported",
            "1 point",
            lambda v: not v > 1.0,
            harm_to_healthy(results),
        ),
    ]


def written(figure: Share | Mean) -> str:
    low, high = figure.interval
    if not figure.of:
        return "none"
    if isinstance(figure, Share):
        return f"{100 * figure.value:.1f} % [{100 * low:.0f}, {100 * high:.0f}] ({figure.hits} of {figure.of})"
    return f"{figure.value:.1f} [{low:.1f}, {high:.1f}] points ({figure.of} runs)"


def confusion(results: Sequence[Result]) -> list[str]:
    """A line a planted fault: how many, and what was named first of them ("-": nothing critical)."""
    lines = []
    planted = sorted({r.case.planted for r in of_kind(results, "fault")})
    for name in planted:
        these = [r for r in of_kind(results, "fault") if r.case.planted == name]
        right = sum(bool(r.findings) and r.findings[0].rule in r.case.rules for r in these)
        named = Counter(r.critical[0].rule if r.critical else "-" for r in these)
        told = ", ".join(f"{rule} {n}" for rule, n in named.most_common())
        mends = [r for r in these if r.case.curable]
        ok = sum((kept := best(r.trials[:MOST_PATCHES])) is not None and mended(r, kept) for r in mends)
        lines.append(f"{name:22} {right:3} of {len(these):3} first; mended {ok:3} of {len(mends):3}; named: {told}")
    return lines


def alarms_by_control(results: Sequence[Result]) -> list[str]:
    """A line a control or decoy that was called sick: by which rule, how often."""
    lines = []
    for kind in ("healthy", "decoy"):
        for name in sorted({r.case.planted for r in of_kind(results, kind)}):
            these = [r for r in of_kind(results, kind) if r.case.planted == name]
            named = Counter(r.critical[0].rule for r in these if r.critical)
            if named:
                told = ", ".join(f"{rule} {n}" for rule, n in named.most_common())
                lines.append(f"{kind:8} {name:34} {sum(named.values()):3} of {len(these):3}; named: {told}")
    return lines
