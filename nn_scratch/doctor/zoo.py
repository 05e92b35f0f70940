"""The zoo: a broken config for each rule and a healthy one that looks like it, under config/zoo/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from nn_scratch.config.project import SOURCE, ZOO
from nn_scratch.config.resolve import change_config, load_config
from nn_scratch.config.schema import Config
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.diagnosis import Diagnosis
from nn_scratch.experiments.parallel import QUIET, Job, run_all


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


def job_of(exhibit: Exhibit, seed: int) -> Job[Diagnosis]:
    """Train the exhibit in a temporary folder, and diagnose it."""
    return Job(config_of(exhibit, seed), diagnose)


def examine(exhibit: Exhibit, seed: int) -> Diagnosis:
    """The diagnosis of one exhibit, trained with one seed."""
    (diagnosis,) = run_all([job_of(exhibit, seed)], n_jobs=1)
    return diagnosis


@dataclass(frozen=True)
class Outcome:
    """The diagnoses of one exhibit, over seeds."""

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
    found = iter(list(run_all((job_of(exhibit, seed) for exhibit in chosen for seed in seeds), jobs)))
    return [Outcome(exhibit, tuple(islice(found, len(seeds)))) for exhibit in chosen]
