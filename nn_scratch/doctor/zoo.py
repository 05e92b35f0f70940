"""The zoo: a broken config for each rule and a healthy one that looks like it, under config/zoo/."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nn_scratch.config.project import SOURCE, ZOO
from nn_scratch.config.resolve import change_config, load_config
from nn_scratch.config.schema import Config
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import Diagnosis
from nn_scratch.errors import Diverged
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run

QUIET = {"log.weights": False, "log.gradients": False, "log.activations": False, "train.threads": 1}


@dataclass(frozen=True)
class Exhibit:
    """One config of the zoo. rule: the one that it is there for; healthy: whether it only looks like it."""

    path: Path
    rule: str
    healthy: bool

    @property
    def name(self) -> str:
        return self.path.stem


def exhibits(folder: Path = ZOO) -> list[Exhibit]:
    """Every config of the zoo, by rule, the broken one first."""
    return [
        Exhibit(path, path.name.split(".")[0], path.name.endswith(".healthy.yaml"))
        for path in sorted(folder.glob("*.yaml"), key=lambda path: (path.name.split(".")[0], path.name.count(".")))
    ]


def config_of(exhibit: Exhibit, seed: int) -> Config:
    """The exhibit's config; the tables it names are the project's, wherever one stands."""
    config = load_config(exhibit.path)
    changes: dict[str, object] = {"seed": seed, **QUIET}
    for key in ("source", "test_source"):
        value = getattr(config.data, key)
        if isinstance(value, str) and not Path(value).is_absolute():
            changes[f"data.{key}"] = str(SOURCE / value)
    return change_config(config, changes)


def examine(exhibit: Exhibit, seed: int) -> Diagnosis:
    """Train the exhibit in a folder that is thrown away, and diagnose it."""
    with tempfile.TemporaryDirectory(prefix="nn_scratch-zoo-") as folder:
        try:
            run = train(config_of(exhibit, seed), Path(folder))
        except Diverged:
            run = Run.newest(Path(folder))
        return diagnose(run)


@dataclass(frozen=True)
class Outcome:
    """What the doctor said of one exhibit, over seeds."""

    exhibit: Exhibit
    diagnoses: tuple[Diagnosis, ...]

    @property
    def named(self) -> tuple[str, ...]:
        """By seed, the rule of the first critical finding; "" where there is none."""
        return tuple(d.findings[0].rule if d.verdict == "sick" else "" for d in self.diagnoses)

    @property
    def right(self) -> int:
        """In how many seeds the doctor was right: the rule named first, or of a healthy run nothing."""
        wanted = "" if self.exhibit.healthy else self.exhibit.rule
        return sum(name == wanted for name in self.named)


def tour(chosen: Sequence[Exhibit], seeds: Sequence[int], jobs: int | None = None) -> list[Outcome]:
    """Examine exhibits over seeds, in parallel processes."""
    from joblib import Parallel, delayed

    pairs = [(exhibit, seed) for exhibit in chosen for seed in seeds]
    found = Parallel(n_jobs=jobs or -1)(delayed(examine)(exhibit, seed) for exhibit, seed in pairs)
    by_exhibit = {
        exhibit.path: tuple(d for (e, _), d in zip(pairs, found, strict=True) if e is exhibit) for exhibit in chosen
    }
    return [Outcome(exhibit, by_exhibit[exhibit.path]) for exhibit in chosen]
