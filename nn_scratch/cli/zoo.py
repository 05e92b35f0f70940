"""Train the zoo, broken configs and healthy look-alikes; print what the doctor finds, misses and falsely reports."""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from rich.table import Table

from nn_scratch.cli.printer import Printer
from nn_scratch.errors import UserError

if TYPE_CHECKING:
    from nn_scratch.doctor.zoo import Outcome

EXAMPLES = (
    "examples:",
    "  python script/zoo.py",
    "  python script/zoo.py lr_too_high --seeds 1",
    "  python script/zoo.py --gallery site",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("rules", nargs="*", metavar="RULE", help="rules whose configs are trained (default: all)")
    cli.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 1 to N (default: 5)")
    cli.add_argument("--gallery", metavar="DIR", help="write a site of lessons: every fault, broken beside mended")
    cli.add_argument("--jobs", type=int, metavar="N", help="processes (default: one per core)")


def main(arguments: Namespace) -> dict[str, Any]:
    """Run the zoo and print a table: found, missed, false alarms."""
    from nn_scratch.doctor.zoo import exhibits, tour
    from nn_scratch.wording import did_you_mean

    if arguments.seeds < 1:
        raise UserError(f"--seeds {arguments.seeds}: write 1 or more")
    everything = exhibits()
    rules = sorted({exhibit.rule for exhibit in everything})
    for name in arguments.rules:
        if name not in rules:
            raise UserError(f"{name}: the zoo has no such rule{did_you_mean(name, rules)}")
    if arguments.gallery:
        return write_lessons(arguments)
    chosen = [exhibit for exhibit in everything if not arguments.rules or exhibit.rule in arguments.rules]
    outcomes = tour(chosen, range(1, arguments.seeds + 1), arguments.jobs)
    print_outcomes(outcomes, arguments.seeds)
    return document(outcomes, arguments.seeds)


def print_outcomes(outcomes: list[Outcome], n_seeds: int) -> None:
    """The table of what was found, missed and falsely reported, and its sums."""
    from nn_scratch.wording import plural

    table = Table(box=None, pad_edge=False, header_style="dim", title=f"the zoo, {plural(n_seeds, 'seed')} each")
    for title in ("config", "found", "missed", "false alarms", "named instead"):
        table.add_column(title, justify="right" if title in ("found", "missed", "false alarms") else "left")
    for outcome in outcomes:
        wrong = n_seeds - outcome.right
        counts = ("", "", f"{wrong}") if outcome.exhibit.healthy else (f"{outcome.right}", f"{wrong}", "")
        table.add_row(outcome.exhibit.name, *counts, ", ".join(name or "nothing" for name in named_instead(outcome)))
    console = Printer()
    console.print(table)
    sums = totals(outcomes)
    console.print(
        f"found {sums['found']} of {sums['broken_runs']}, false alarms {sums['false_alarms']} of {sums['healthy_runs']}"
    )


def named_instead(outcome: Outcome) -> list[str]:
    """The rules named first that are not the one expected; "" where there was none."""
    wanted = "" if outcome.exhibit.healthy else outcome.exhibit.rule
    return sorted({name for name in outcome.named if name != wanted})


def totals(outcomes: list[Outcome]) -> dict[str, int]:
    """Runs of broken and of healthy configs, and in how many of them the doctor was right or wrong."""
    broken = [outcome for outcome in outcomes if not outcome.exhibit.healthy]
    healthy = [outcome for outcome in outcomes if outcome.exhibit.healthy]
    return {
        "found": sum(outcome.right for outcome in broken),
        "broken_runs": sum(len(outcome.diagnoses) for outcome in broken),
        "false_alarms": sum(len(outcome.diagnoses) - outcome.right for outcome in healthy),
        "healthy_runs": sum(len(outcome.diagnoses) for outcome in healthy),
    }


def document(outcomes: list[Outcome], n_seeds: int) -> dict[str, Any]:
    """The object that --json prints: the sums, and of each config the rule named first by seed ("": none)."""
    configs = [
        {
            "config": outcome.exhibit.name,
            "rule": outcome.exhibit.rule,
            "healthy": outcome.exhibit.healthy,
            "right": outcome.right,
            "named": list(outcome.named),
        }
        for outcome in outcomes
    ]
    return {"seeds": n_seeds, **totals(outcomes), "configs": configs}


def write_lessons(arguments: Namespace) -> dict[str, Any]:
    """Train and write the site of lessons; returns what was written."""

    from nn_scratch.cli.lessons import write_gallery
    from nn_scratch.paths import expanded
    from nn_scratch.wording import plural

    folder = expanded(arguments.gallery)
    rules = write_gallery(folder, arguments.rules, arguments.jobs, cheat_sheet=not arguments.rules)
    Printer().say(f"{folder / 'index.html'}  {plural(len(rules), 'lesson')}: open it in a browser")
    return {"written": str(folder / "index.html"), "lessons": list(rules)}
