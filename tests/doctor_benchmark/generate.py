"""Makes the cases of a part: draws recipes and faults, trains them, and keeps what is certain.

    python -m tests.doctor_benchmark.generate --part dev --seed 1 --cases 200

A fault is harmful where it costs 5 points or more, as the mean of three seeds and in the run that is diagnosed; a
decoy where it costs less in both; in between nothing is certain, and the case is left out. A control is healthy where
it is within 3 points of the best known recipe on its data.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.errors import UserError
from tests.doctor_benchmark.case import FOLDER, Case, save
from tests.doctor_benchmark.controls import CONTROLS, CONTROLS_WANT
from tests.doctor_benchmark.faults import FAULTS, WANTED, Planted
from tests.doctor_benchmark.parts import PARTS, Part, generator
from tests.doctor_benchmark.recipes import Recipe, Scorer, checked, draw, reference, search

HARM = 0.05
BORDER = 0.01  # a mean harm nearer than this to HARM is no case
DECOYS = 0.2  # of the planted cases, at most
TRIES = 6  # recipes that are tried for one case
ENOUGH, AGAIN = 4, 0.7  # so many recipes of a kind are found anew; then one is used again with this probability
MOST_SECONDS = 2.0  # of a diagnosed run's training


class Generator:
    """Draws cases of a part, one after another, the kinds in turn."""

    def __init__(self, part: Part, seed: int) -> None:
        self.part, self.seed, self.scorer = part, seed, Scorer()
        self.left_out: Counter[str] = Counter()
        self._found: dict[str, list[Recipe]] = {}  # by what was wanted of them
        self._drawn: list[Case] = []
        self._index = 0
        self._decoys = self._planted = 0

    def cases(self) -> Iterator[Case]:
        """Without end: a planted one, a healthy one, and so on."""
        rng = generator(self.part, self.seed, 0)
        number = 0
        while True:
            faults, controls = list(FAULTS), list(CONTROLS)
            rng.shuffle(faults)
            rng.shuffle(controls)
            for i in range(max(len(faults), len(controls))):
                for kind, names in (("fault", faults), ("control", controls)):
                    case = self.attempt(kind, names[i % len(names)])
                    if case is not None:
                        number += 1
                        yield replace(case, id=f"{self.part.name}-{self.seed}-{number:04d}")

    def attempt(self, kind: str, name: str) -> Case | None:
        """A case of the kind that was not drawn before, from the first recipe that suits; None after a few that do
        not."""
        for _ in range(TRIES):
            self._index += 1
            rng = generator(self.part, self.seed, 2, self._index)
            try:
                case = self._fault(name, rng) if kind == "fault" else self._control(name, rng)
            except UserError as error:
                raise AssertionError(f"{name}: the generator wrote a config that is refused: {error}") from error
            if case is not None and case not in self._drawn:
                self._drawn.append(case)
                return case
        self.left_out[name] += 1
        return None

    def _recipe(self, wanted: dict[str, Any], rng: np.random.Generator) -> Recipe | None:
        """A recipe that works, new or, once there are some, one of those that were found before."""
        known = self._found.setdefault(str(sorted(wanted.items(), key=str)), [])
        if len(known) >= ENOUGH and rng.random() < AGAIN:
            return known[int(rng.integers(len(known)))]
        wanted = dict(wanted)
        if wanted.get("depth") == "deep":
            wanted["depth"] = int(rng.choice(self.part.deep))
        if wanted.get("width") == "widest":
            wanted["width"] = max(w for w in self.part.widths if w <= 256)
        recipe = search(self.scorer, draw(self.part, self.seed, self._index, **wanted))
        if recipe is not None:
            known.append(recipe)
        return recipe

    def _fault(self, name: str, rng: np.random.Generator) -> Case | None:
        recipe = self._recipe(WANTED[name], rng)
        planted = FAULTS[name](recipe, self.part, rng) if recipe else None
        if recipe is None or planted is None:
            return None
        twin = planted.twin or recipe
        if planted.twin is not None:
            found = checked(self.scorer, planted.twin) if name != "overfit" else with_scale(self.scorer, planted.twin)
            if found is None:
                return None
            twin = found
        tables = {**twin.tables, **planted.tables}
        wrong = planted.wrong_gradient
        at = twin.check_seeds
        healthy = np.array([self.scorer(twin.config, twin.tables, seed).test for seed in at]) / twin.scale
        faulty = (
            np.array([self.scorer(twin.config, tables, seed, planted.changes, wrong).test for seed in at]) / twin.scale
        )
        harm = healthy - faulty
        diagnosed = int(rng.integers(len(at)))
        if harm.mean() >= HARM + BORDER and harm[diagnosed] >= HARM:
            kind = "fault"
        elif harm.mean() < HARM - BORDER and harm[diagnosed] < HARM and planted.decoy and self._want_decoy():
            kind = "decoy"
        else:
            return None
        cure, curable = self._cure(planted, twin, tables)
        self._planted += 1
        self._decoys += kind == "decoy"
        return Case(
            id="",
            kind=kind,  # type: ignore[arg-type]
            planted=name,
            severity=round(planted.severity, 3),
            rules=planted.rules,
            layer=planted.layer,
            seed=at[diagnosed],
            config=twin.config,
            changes=planted.changes,
            tables=tables,
            wrong_gradient=wrong,
            scale=round(twin.scale, 6),
            harm=round(float(harm.mean()), 4),
            curable=curable and kind == "fault",
            repair_seeds=tuple(twin.repair_seeds),
            cure=tuple(round(float(value), 5) for value in cure),
        )

    def _want_decoy(self) -> bool:
        return self._decoys < DECOYS * (self._planted + 3)

    def _cure(self, planted: Planted, twin: Recipe, tables: Any) -> tuple[list[float], bool]:
        """The best known cure's score at the seeds of repair, and whether it mends 5 points or more."""
        at = twin.repair_seeds
        options = (
            [[self.scorer(twin.config, twin.tables, seed).test / twin.scale for seed in at]] if planted.undone else []
        )
        for cure in planted.cures:
            changes = {**planted.changes, **cure}
            options.append([self.scorer(twin.config, tables, seed, changes).test / twin.scale for seed in at])
        if not options:
            return [], False
        best = max(options, key=lambda scores: float(np.mean(scores)))
        faulty = [self.scorer(twin.config, tables, seed, planted.changes).test / twin.scale for seed in at]
        return best, bool(np.mean(best) >= np.mean(faulty) + HARM)

    def _control(self, name: str, rng: np.random.Generator) -> Case | None:
        recipe = self._recipe(CONTROLS_WANT[name], rng)
        made = CONTROLS[name](recipe, self.part, rng, self.scorer) if recipe else None
        made = checked(self.scorer, made) if made else None
        if made is None:
            return None
        started = perf_counter()
        cure = [self.scorer(made.config, made.tables, seed).test / made.scale for seed in made.repair_seeds]
        if (perf_counter() - started) / len(cure) > MOST_SECONDS:
            return None
        return Case(
            id="",
            kind="healthy",
            planted=name,
            severity=0.0,
            rules=(),
            layer=None,
            seed=made.check_seeds[int(rng.integers(len(made.check_seeds)))],
            config=made.config,
            changes={},
            tables=made.tables,
            scale=round(made.scale, 6),
            repair_seeds=tuple(made.repair_seeds),
            cure=tuple(round(float(value), 5) for value in cure),
        )


def with_scale(scorer: Scorer, recipe: Recipe) -> Recipe:
    """The recipe with the scale of its scores, healthy or not."""
    best = reference(scorer, recipe)
    return replace(recipe, reference=best, scale=1.0 if recipe.data.classes else max(best, 0.05))


def path_of(part: str, seed: int) -> Path:
    return FOLDER / f"{part}-{seed}.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=list(PARTS), required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    made: list[Case] = []
    maker = Generator(PARTS[arguments.part], arguments.seed)
    started = perf_counter()
    for case in maker.cases():
        made.append(case)
        if len(made) % 10 == 0 or len(made) == arguments.cases:
            save(made, path_of(arguments.part, arguments.seed))
            kinds = Counter(one.kind for one in made)
            print(f"{len(made)} cases in {perf_counter() - started:.0f} s: {dict(kinds)}; {maker.left_out}", flush=True)
        if len(made) == arguments.cases:
            break


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
