"""The site behind `zoo.py --gallery`: trains every fault of the zoo, mends it, and writes pages of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nn_scratch.config.resolve import change_config
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import ABSENT, config_difference, yaml_line
from nn_scratch.doctor.report import diagnose_and_keep
from nn_scratch.doctor.zoo import Exhibit, config_of, exhibits
from nn_scratch.experiments.parallel import Job, run_all
from nn_scratch.runs.files import make_folder, write_text
from nn_scratch.runs.run import Run
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.lessons import LESSONS
from nn_scratch.visualize.web.page import page
from nn_scratch.visualize.web.site import Trained, write_site

MEGABYTES = 1.0  # of a run's page: a site of some forty of them stays light
LOGGED = {"log.weights": True, "log.gradients": True, "log.activations": True, "log.max_megabytes": 100}


def write_gallery(
    folder: Path, rules: Sequence[str], jobs: int | None = None, *, cheat_sheet: bool = True
) -> list[str]:
    """Write the site; returns the rules of its lessons. A fault that trains no run is left out."""
    broken = [one for one in exhibits() if not one.healthy and one.rule in LESSONS and (not rules or one.rule in rules)]
    healthy = {one.rule: one for one in exhibits() if one.healthy}
    make_folder(folder)
    for one in broken:
        make_folder(folder / one.rule)
    configs = [change_config(config_of(one, 1), {**LOGGED, "name": one.rule}) for one in broken]
    found = trained(folder, "broken.html", broken, configs, jobs)
    mended = [mend(*pair, healthy) for pair in zip(broken, configs, found, strict=True)]
    after = trained(folder, "mended.html", broken, [config for config, _ in mended], jobs)
    lessons = [
        Trained(
            one.rule, diagnosis["summary"], then["summary"], difference(before, config), why, place_of(one, diagnosis)
        )
        for one, before, diagnosis, (config, why), then in zip(broken, configs, found, mended, after, strict=True)
    ]
    shapes, sheet = front(folder) if cheat_sheet else ([], None)
    write_site(folder, lessons, shapes, sheet)
    return [lesson.rule for lesson in lessons]


def trained(
    folder: Path, name: str, faults: Sequence[Exhibit], configs: Sequence[Config], jobs: int | None
) -> list[Mapping[str, Any]]:
    """Train a config for each fault, write its page, and return the diagnoses."""
    pairs = zip(faults, configs, strict=True)
    return list(run_all([Job(config, partial(conclude, folder / one.rule / name)) for one, config in pairs], jobs))


def conclude(path: Path, run: Run) -> Mapping[str, Any]:
    """Diagnose a run and write its page; in the process that trained it."""
    diagnosis = diagnose_and_keep(run)
    write_text(path, page(View(Run(run.path)), megabytes=MEGABYTES))
    return diagnosis.to_json()


def mend(
    one: Exhibit, config: Config, diagnosis: Mapping[str, Any], healthy: Mapping[str, Exhibit]
) -> tuple[Config, str]:
    """The config with the doctor's first change, and why it helps; without one the healthy config of the zoo."""
    findings = sorted(diagnosis["findings"], key=lambda finding: finding["rule"] != one.rule)
    for finding in findings[:1]:
        for patch in finding["patches"]:
            return change_config(config, {**patch["set"], "name": f"{one.rule}-mended"}), patch["why"]
    changed = change_config(config_of(healthy[one.rule], 1), {**LOGGED, "name": f"{one.rule}-mended"})
    return changed, "The config of a run that looks similar and learns."


def place_of(one: Exhibit, diagnosis: Mapping[str, Any]) -> str:
    """The layer of the finding, for a page's address."""
    where: Mapping[str, Any] = next(
        (finding["where"] for finding in diagnosis["findings"] if finding["rule"] == one.rule), {}
    )
    return f"&l={where['layer']}" if where.get("layer") else ""


def difference(before: Config, after: Config) -> tuple[str, ...]:
    lines: list[str] = []
    for key, old, new in config_difference(before, after):
        if key != "name":
            lines += [f"- {key}: {yaml_line(old)}"] if old != ABSENT else []
            lines += [f"+ {key}: {yaml_line(new)}"] if new != ABSENT else []
    return tuple(lines[:24])


def front(folder: Path) -> tuple[list[tuple[str, str, str]], str]:
    """The cheat sheet's picture in the folder, and what each of its rows shows, with its lesson."""
    from nn_scratch.visualize.cheat_sheet import SHAPES, cheat_sheet
    from nn_scratch.visualize.gallery import save
    from nn_scratch.visualize.style import drawing

    with drawing():
        path = save(cheat_sheet(lambda done, total: None), folder / "cheat-sheet")
    return [(shape.name, shape.see, shape.lesson) for shape in SHAPES], path.name
