"""Treatment as a search: patches are tried, joined and tried again on what they leave, until the run is healthy.

Programs that do not learn often have several faults, and the cure of the first need not show in the score before the
second is cured. So a patch is kept where it brings the score or the loss forward or ends the symptom; the mended config
is diagnosed anew; and what turns out to be superfluous is taken away again at the end. Candidates of a round begin with
one seed, and the better half continues to the others (successive halving, Jamieson and Talwalkar 2016); all are
compared with the same split and seeds, row by row. All of it has a budget of training steps (`doctor.budget`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from nn_scratch.config.change_text import changes
from nn_scratch.config.project import CONFIGS
from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import ABSENT, config_difference, to_plain, value_text
from nn_scratch.doctor.budget import LEAST_RUNS, Budget
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import Diagnosis, Finding, Patch
from nn_scratch.doctor.fixed_config import Change, fixed_yaml
from nn_scratch.doctor.trials import Arm, Comparison, train_arms
from nn_scratch.doctor.usual import fitting, more_of_it, usual_settings
from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.experiments.build import build_data
from nn_scratch.runs.files import disk_errors, write_bytes
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.wording import duration, plural

A_ROUND = (3, 2, 2, 2, 1)  # candidates of each round at most: the first is the least known; bounds time
# candidates that are trained, the run as it was aside: the others take superfluous changes away; bounds time
MOST_TRIALS = 12
SEEDS = 3  # of initial weights, order and dropout, the same for every candidate; bounds time
WORTH = 0.02  # points of the score by which the mended config must beat the run as it was; by hand
TIE = 0.005  # points within which two scores are the same; by hand
MUCH = 3  # keys by which a change is much larger than another; it then has to be better by half of WORTH; by hand
HOPELESS = 0.1  # points that a candidate may be worse than what it changes, with the first seed; by hand
BEST = 0.995  # a score from which there is nothing left to gain; by hand
OF_THE_DATA = frozenset({"label_noise", "leakage"})  # faults that no line of YAML mends


@dataclass(frozen=True)
class Step:
    """One key that a patch changes, with the finding behind it; `leaves` are the differences it makes, where it leaves
    the list of layers as it is, else None."""

    key: str
    value: Any
    why: str
    rule: str
    leaves: Mapping[str, Any] | None

    def apply(self, config: Config) -> Config:
        return change_config(config, {self.key: self.value} if self.leaves is None else self.leaves)


@dataclass(frozen=True)
class Node:
    """A config that was tried, and the steps that lead to it."""

    arm: Arm
    steps: tuple[Step, ...] = ()

    @property
    def size(self) -> int:
        """How much is changed: keys, and ten for each change of what layers there are."""
        return sum(10 if step.leaves is None else len(step.leaves) for step in self.steps)


@dataclass(frozen=True)
class Treatment:
    """The candidates of a search. best: the arm that is written, or None; gain: that over the run as it was."""

    diagnosis: Diagnosis
    before: Arm | None
    arms: tuple[Arm, ...]
    best: Arm | None
    outcome: str  # the outcome in a sentence
    gain: Comparison | None = None
    written: Path | None = None
    text: str = ""  # what was to be written


Report = Callable[[str], None]


def treat(
    run: Run,
    diagnosis: Diagnosis | None = None,
    folder: Path | None = None,
    jobs: int | None = None,
    report: Report = lambda line: None,
    budget: int | None = None,
) -> Treatment:
    """Search for the patches that mend a run, and write <name>.fixed.yaml where some do.

    diagnosis: the run's, where it is known already. folder: where to write, instead of CONFIGS; the run's own folder
    serves where that cannot be written. report: called with a line before the first and after each round. budget:
    training steps in all; None: the run's own `diagnose.fix_budget`. A run without a finding that has a patch is left
    as it is.
    """
    diagnosis = diagnosis or diagnose(run)
    first = diagnosis.findings[0] if diagnosis.findings else None
    if first is not None and first.severity == "critical" and first.rule in OF_THE_DATA and not first.patches:
        return Treatment(diagnosis, None, (), None, f"the fault is in the data, not in the config: {first.because}")
    if diagnosis.verdict == "healthy" and not any(finding.patches for finding in diagnosis.findings):
        return Treatment(diagnosis, None, (), None, f"nothing to mend: the verdict is {diagnosis.verdict}")
    config = config_from(run.config)
    given = config.diagnose.fix_budget if budget is None else budget
    allowance = Budget(config, build_data(config, spawn_generators(config.seed)), given)
    if not allowance.holds(2 * allowance.own):
        return Treatment(diagnosis, None, (), None, too_little(allowance))
    report(announcement(allowance, run))
    search = Search(config, steps_of(run), jobs, report, allowance)
    best = search.run(diagnosis)
    of_data = (
        " The fault is in the data: no line of YAML mends it fully." if first and first.rule in OF_THE_DATA else ""
    )
    of_data += ended_by(allowance) if search.cut else ""
    tried = tuple(node.arm for node in search.tried)
    if best is None:
        if not tried:
            sentence = "no change of the YAML is known to mend this"
        else:
            sentence = f"nothing helped: none of {len(tried)} candidates brought the score or the loss forward."
        return Treatment(diagnosis, search.before, tried, None, sentence + of_data)
    gain = best.arm.over(search.before, held=True)
    text = fixed_yaml(search.config, best.arm.config, changes_of(best), summary_of(best, gain, search.before))
    treatment = Treatment(diagnosis, search.before, tried, best.arm, "", gain, None, text)
    return written(treatment, run, folder, search.config.name, outcome(best, gain, search.before) + of_data)


def written(treatment: Treatment, run: Run, folder: Path | None, name: str, sentence: str) -> Treatment:
    """The treatment with its config on disk; where neither folder can be written, it still has the text."""
    try:
        path, problem = write_config(treatment.text, name, Path(folder or CONFIGS), run.path)
    except EnvironmentFailure as error:
        return replace(treatment, outcome=f"{sentence} {str(error).splitlines()[0]}; here is the config:")
    return replace(treatment, outcome=sentence + problem, written=path)


def write_config(text: str, name: str, folder: Path, run: Path) -> tuple[Path, str]:
    """Write <name>.fixed.yaml into a folder, or where that cannot be written fixed.yaml into the run's.

    Returns the path, and a clause on where it was written instead, or "". Raises EnvironmentFailure where neither can
    be written.
    """
    try:
        path = folder / f"{name}.fixed.yaml"
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, text.encode())
    except EnvironmentFailure as error:
        path = run / "fixed.yaml"
        write_bytes(path, text.encode())
        return path, f" ({folder} cannot be written, so it is in the run's folder: {str(error).splitlines()[0]})"
    return path, ""


def applied(run: Run, rule: str, patch: Patch, summary: str) -> str:
    """The YAML of a run's config with one patch."""
    config = config_from(run.config)
    changes = [Change(key, patch.why, rule) for key in patch.set]
    return fixed_yaml(config, change_config(config, patch.set), changes, summary, title="Changed")


def steps_of(run: Run) -> int:
    return int(run.info["steps_per_epoch"]) * int(run.info["epochs_asked"])


# --- the search


class Search:
    """Rounds of candidates from a config; `tried` are all that were trained; `cut`: whether the budget kept any from
    it."""

    def __init__(self, config: Config, steps: int, jobs: int | None, report: Report, budget: Budget) -> None:
        self.config, self._steps, self._jobs, self._report = config, steps, jobs, report
        self._budget, self.cut = budget, False
        self.tried: list[Node] = []
        self.before = Arm("as it was", config)
        self._seeds = [config.seed + 1 + number for number in range(budget.seeds(SEEDS))]
        self._seen = [comparable(config)]

    @property
    def left(self) -> int:
        return MOST_TRIALS - len(self.tried)

    def run(self, diagnosis: Diagnosis) -> Node | None:
        """The best node found, pruned; None where none is better than the config as it was."""
        root = Node(self.before)
        base = self._without_leak(root, diagnosis)
        if diagnosis.verdict == "healthy" and not self.proposals(base, diagnosis):
            return None
        (self.before,) = self._arms([self.before], self._seeds)
        root = base = replace(base, arm=self.before) if base is root else self._trained([base], self._seeds)[0]
        self._report(f"as it was: {self.before.mean():.3f}")
        best = self._rounds(base, diagnosis)
        if best is not base:
            cause = next((finding.rule for finding in diagnosis.findings if finding.severity == "critical"), "")
            best = self._pruned(best, base, cause)
        if best.steps and (best is root or best.arm.over(base.arm).better(WORTH)):
            return best
        return None

    def _rounds(self, base: Node, diagnosis: Diagnosis) -> Node:
        best = frontier = base
        for number, most in enumerate(A_ROUND, start=1):
            if finished(frontier, number):
                break
            candidates = self.proposals(frontier, diagnosis)
            if not candidates:
                frontier, candidates = best, self.usual(best)
            elif number > 1:  # findings may lead astray: beside them, what usually trains
                usual = self.usual(frontier)[:1]
                candidates = [*candidates[: most - len(usual)], *usual]
            candidates = self._affordable(candidates[:most])
            if not candidates:
                break
            winner = self._halved(frontier, candidates)
            if winner is None:
                frontier, diagnosis = best, best.arm.diagnosis
                continue
            if better(winner, best):
                best = winner
            over = winner.arm.over(frontier.arm)
            self._report(f"round {number}: {winner.arm.name}: {winner.arm.mean():.3f}")
            if over.progress(TIE) or over.symptom_gone or winner is best:
                frontier, diagnosis = winner, winner.arm.diagnosis
            else:
                frontier, diagnosis = best, best.arm.diagnosis
        return best

    def _halved(self, base: Node, candidates: list[Node]) -> Node | None:
        """The best of the candidates: all with one seed, the better half with the others; None if all are hopeless."""
        begun = self._trained(candidates, self._seeds[:1])
        over = {id(node): node.arm.over(base.arm) for node in begun}
        hopeful = [node for node in begun if over[id(node)].score.mean > -HOPELESS or over[id(node)].loss.mean > 0]
        ranked = sorted(
            hopeful, key=lambda n: (round(over[id(n)].score.mean / TIE), over[id(n)].loss.mean), reverse=True
        )
        finalists = ranked[: (len(begun) + 1) // 2]
        if not finalists:
            return None
        others = len(self._seeds) - 1
        while not self._budget.holds(others * sum(self._budget.cost(node.arm.config) for node in finalists)):
            del finalists[-1]  # the budget holds any one of them
        done = self._completed(finalists)
        winner = done[0]
        for node in done[1:]:
            if better(node, winner):
                winner = node
        return winner

    def _arms(self, arms: Sequence[Arm], seeds: Sequence[int]) -> list[Arm]:
        """The arms trained with some more seeds, at the budget's expense."""
        done = train_arms(self.config, arms, seeds, self._jobs)
        for arm in done:
            for trial in arm.trials[len(arm.trials) - len(seeds) :]:
                self._budget.spend(arm.config, trial.share)
        return done

    def _affordable(self, nodes: list[Node]) -> list[Node]:
        """Those that the budget holds, the likeliest first."""
        fits = self._budget.affordable([node.arm.config for node in nodes], len(self._seeds))
        self.cut = self.cut or not all(fits)
        return [node for node, held in zip(nodes, fits, strict=True) if held]

    def _trained(self, nodes: Sequence[Node], seeds: Sequence[int]) -> list[Node]:
        arms = self._arms([node.arm for node in nodes], seeds)
        done = [replace(node, arm=arm) for node, arm in zip(nodes, arms, strict=True)]
        self.tried += done
        self._seen += [comparable(node.arm.config) for node in done]
        return done

    # --- what is tried next

    def proposals(self, base: Node, diagnosis: Diagnosis) -> list[Node]:
        """Nodes that follow from the findings on a node, the likeliest first; none that was tried already."""
        treatable = [finding for finding in diagnosis.findings if finding.patches and finding.rule not in OF_THE_DATA]
        critical = [finding for finding in treatable if finding.severity == "critical"]
        warned = [finding for finding in treatable if finding.severity == "warning"]
        leading = critical or warned
        if not leading:
            return []
        first, others = leading[0], leading[1:]
        plans: list[list[tuple[Finding, Patch]]] = [[(first, first.patches[0])]]
        if others:
            plans.append([(finding, finding.patches[0]) for finding in leading])
        plans += [[(first, patch)] for patch in first.patches[1:2]]
        if critical and warned:
            plans.append([(finding, finding.patches[0]) for finding in (*critical, *warned)])
        plans += [[(finding, finding.patches[0])] for finding in others]
        plans += [[(first, patch)] for patch in first.patches[2:]]
        return self._nodes(base, plans)

    def usual(self, base: Node) -> list[Node]:
        """Where no patch of a finding is left and the score is short of what is attainable: all settings as they
        usually train, and more of the network and its training."""
        if base.arm.trials and not short(base):
            return []
        config = base.arm.config
        steps = self._steps // self.config.train.epochs * config.train.epochs
        back = fitting(config, usual_settings(config, steps))
        cause = Finding("usual_settings", "warning", 0.5, "config", "no other patch is left")
        plans = [[(cause, patch) for patch in back]] if back else []
        plans += [[(cause, patch) for patch in plan] for plan in more_of_it(config, steps)]
        return self._nodes(base, plans)

    def _nodes(self, base: Node, plans: Sequence[Sequence[tuple[Finding, Patch]]]) -> list[Node]:
        found: list[Node] = []
        seen = list(self._seen)
        for plan in plans:
            node = extended(base, plan, self.config)
            if node is not None and comparable(node.arm.config) not in seen:
                seen.append(comparable(node.arm.config))
                found.append(node)
        return found

    def _without_leak(self, root: Node, diagnosis: Diagnosis) -> Node:
        """The config without a column that leaks the target: its score is lower, and the one met on new rows."""
        leak = [f for f in diagnosis.findings if f.rule == "leakage" and f.severity == "critical" and f.patches]
        found = extended(root, [(leak[0], leak[0].patches[0])], self.config) if leak else None
        return found or root

    # --- what is taken away again

    def _pruned(self, best: Node, base: Node, cause: str) -> Node:
        """The node without the steps that do nothing: each is taken away by itself, and stays away where the rest does
        as well.

        cause: the rule of the root cause. Longer training makes up for many faults; its cure is not left out for that.
        """
        for group in sorted(groups(best.steps), key=lambda group: group[0].leaves is not None):  # of layers first
            rest = tuple(step for step in best.steps if step not in group)
            if group[0].rule == cause and any(step.key == "train.epochs" for step in rest):
                continue
            node = rebuilt(rest, self.config) if rest and group[0] not in base.steps and self.left > 0 else None
            if node is None or comparable(node.arm.config) in self._seen or not self._affordable([node]):
                continue
            (short,) = self._trained([node], self._seeds[:1])
            if worse(short, best):
                continue
            full = self._completed([short])[0]
            if not worse(full, best):
                keys = ", ".join(step.key for step in group)
                self._report(f"superfluous: the change of {keys}; {full.arm.mean():.3f} without it")
                best = full
        return best

    def _completed(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes that have one seed, with the others too."""
        arms = self._arms([node.arm for node in nodes], self._seeds[1:])
        done = [replace(node, arm=arm) for node, arm in zip(nodes, arms, strict=True)]
        for before, after in zip(nodes, done, strict=True):
            self.tried[self.tried.index(before)] = after
        return done


def groups(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps by the patch that they are of."""
    found: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        found.setdefault((step.rule, step.why), []).append(step)
    return list(found.values())


def finished(node: Node, number: int) -> bool:
    """Whether a node needs no further round: nothing is left to gain, or it is healthy and as good as attainable."""
    if number == 1:
        return False
    hinted = any(finding.patches and finding.severity != "info" for finding in node.arm.diagnosis.findings)
    return node.arm.mean() >= BEST or (node.arm.healthy and not hinted and not short(node))


def short(node: Node) -> bool:
    """Whether the score is further than WORTH below what simple models and a plain network reach."""
    attainable = node.arm.diagnosis.figures.get("attainable")
    target = float(attainable) if attainable is not None and isfinite(attainable) else BEST
    return node.arm.mean() < min(BEST, target - WORTH)


def better(one: Node, other: Node) -> bool:
    """Whether to prefer one node: by the score, then by the loss; of two alike that which changes less."""
    over = one.arm.over(other.arm)
    margin = TIE if one.size <= other.size + MUCH else WORTH / 2
    if over.score.mean > margin or over.score.mean < -TIE:
        return over.score.mean > 0
    if over.loss.low > 0 or over.loss.high < 0:
        return over.loss.mean > 0
    return one.size < other.size and bool(one.steps)


def worse(one: Node, other: Node) -> bool:
    """Whether a node is worse than another, by however little beyond a tie, in the score or clearly in the loss."""
    over = one.arm.over(other.arm)
    return over.score.mean < -TIE or (over.loss.high < 0 and over.loss.mean < -0.02)


def comparable(config: Config) -> dict[str, Any]:
    """What of a config decides its training."""
    return {key: value for key, value in to_plain(config).items() if key not in ("name", "log", "diagnose")}


# --- joining patches


def extended(base: Node, plan: Sequence[tuple[Finding, Patch]], original: Config) -> Node | None:
    """The node after the patches of a plan, each made on the base and joined by what it changes; None where the first
    does not fit. Of two that change the same key the first counts."""
    config, steps = base.arm.config, list(base.steps)
    taken: set[str] = set()
    for finding, patch in plan:
        for key, value in patch.set.items():
            step = step_of(base.arm.config, key, value, patch.why, finding.rule)
            if step is None or any(clash(key, other) for other in taken_keys(step, key) for key in taken):
                continue
            try:
                config = step.apply(config)
            except UserError:
                continue
            taken |= taken_keys(step, key)
            steps.append(step)
    if len(steps) == len(base.steps):
        return None
    return Node(Arm(named(config, original), config), tuple(steps))


def step_of(config: Config, key: str, value: Any, why: str, rule: str) -> Step | None:
    """The step by which a key gets a value; None where it does not fit, or has that value."""
    try:
        target = change_config(config, {key: value})
    except UserError:
        return Step(key, value, why, rule, {key: value})  # it may fit together with another
    differences = config_difference(config, target)
    if not differences:
        return None
    whole = any(ABSENT in (old, new) for _, old, new in differences if isinstance(old, str) or isinstance(new, str))
    return Step(key, value, why, rule, None if whole else {path: new for path, _, new in differences})


def taken_keys(step: Step, key: str) -> set[str]:
    return {key} if step.leaves is None else set(step.leaves)


def clash(one: str, other: str) -> bool:
    """Whether two dotted keys are the same place, or one is within the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def rebuilt(steps: tuple[Step, ...], original: Config) -> Node | None:
    """The node that these steps lead to from the original config; None where they do not fit without the others."""
    config = original
    try:
        for step in steps:
            config = step.apply(config)
    except UserError:
        return None
    return Node(Arm(named(config, original), config), steps)


def named(config: Config, original: Config) -> str:
    """What distinguishes a config, in short."""
    plain, before = to_plain(config), to_plain(original)
    shown = []
    for key, value in plain.items():
        if key not in ("name", "seed") and value != before[key]:
            shown += [f"{where}: {value_text(new)}" for where, _, new in leaf_changes(key, value, before)]
    return ", ".join(shown)


def leaf_changes(key: str, value: Any, before: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    if key == "layers":
        return changes({key: value}, before)
    return config_difference({key: before[key]}, {key: value})


# --- words


def announcement(budget: Budget, run: Run) -> str:
    """What the treatment may take, and how long that is at the speed of the run itself."""
    a_step = float(run.info["seconds"]) / max(1, int(run.info.get("steps") or 0))
    usual = min(budget.total, budget.seeds(SEEDS) * (MOST_TRIALS + 1) * budget.own)
    return (
        f"up to {MOST_TRIALS} candidates, {plural(budget.seeds(SEEDS), 'seed')} each, within {budget.total:,} training "
        f"steps: about {duration(a_step * usual)} on one core if each is as long as the run, at most "
        f"{duration(a_step * budget.total)}"
    )


def too_little(budget: Budget) -> str:
    return (
        f"nothing was tried: the run takes {budget.own:,} training steps, and the budget is {budget.total:,}; "
        f"with --budget {LEAST_RUNS * budget.own} there is room for five candidates"
    )


def ended_by(budget: Budget) -> str:
    return f" The budget of {budget.total:,} training steps left some candidates out (--budget, diagnose.fix_budget)."


def changes_of(node: Node) -> list[Change]:
    return [Change(step.key, step.why, step.rule) for step in node.steps]


def outcome(best: Node, gain: Comparison, before: Arm) -> str:
    interval = f"{gain.score.mean:+.3f}, 90 % interval {gain.score.low:+.3f} to {gain.score.high:+.3f}"
    sentence = f"{best.arm.name} brings {before.mean():.3f} to {best.arm.mean():.3f} on {rows_of(before)} ({interval})"
    if gain.score.low <= 0 and gain.loss.low > 0:
        sentence += f", and the log loss down by {gain.loss.mean:.3f}"
    return sentence + "."


def rows_of(arm: Arm) -> str:
    """Which rows its scores are of."""
    judged_by = arm.diagnosis.figures.get("judged_by")
    return "the training rows, since there are no others" if judged_by == "train" else "rows not trained on"


def summary_of(best: Node, gain: Comparison, before: Arm) -> str:
    return (
        f"{before.mean():.3f} before, {best.arm.mean():.3f} after, on {rows_of(before)}, mean of {SEEDS} new seeds; "
        f"gain {gain.score.mean:+.3f}, 90 % interval {gain.score.low:+.3f} to {gain.score.high:+.3f}"
    )
