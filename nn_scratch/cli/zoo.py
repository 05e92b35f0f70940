"""Train the zoo, broken configs and healthy look-alikes; print what the doctor finds, misses and falsely reports."""

from __future__ import annotations

import argparse
from argparse import Namespace

from rich.table import Table

from nn_scratch.cli.printer import Printer
from nn_scratch.errors import UserError

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


def main(arguments: Namespace) -> None:
    """Run the zoo and print a table: found, missed, false alarms."""
    from nn_scratch.doctor.zoo import exhibits, tour
    from nn_scratch.wording import did_you_mean, plural

    if arguments.seeds < 1:
        raise UserError(f"--seeds {arguments.seeds}: write 1 or more")
    everything = exhibits()
    rules = sorted({exhibit.rule for exhibit in everything})
    for name in arguments.rules:
        if name not in rules:
            raise UserError(f"{name}: the zoo has no such rule{did_you_mean(name, rules)}")
    if arguments.gallery:
        write_lessons(arguments)
        return
    chosen = [exhibit for exhibit in everything if not arguments.rules or exhibit.rule in arguments.rules]
    outcomes = tour(chosen, range(1, arguments.seeds + 1), arguments.jobs)
    table = Table(
        box=None, pad_edge=False, header_style="dim", title=f"the zoo, {plural(arguments.seeds, 'seed')} each"
    )
    for title in ("config", "found", "missed", "false alarms", "named instead"):
        table.add_column(title, justify="right" if title in ("found", "missed", "false alarms") else "left")
    for outcome in outcomes:
        seeds, right = len(outcome.diagnoses), outcome.right
        wanted = "" if outcome.exhibit.healthy else outcome.exhibit.rule
        others = ", ".join(sorted({name or "nothing" for name in outcome.named if name != wanted}))
        counts = ("", "", f"{seeds - right}") if outcome.exhibit.healthy else (f"{right}", f"{seeds - right}", "")
        table.add_row(outcome.exhibit.name, *counts, others)
    console = Printer()
    console.print(table)
    broken = [outcome for outcome in outcomes if not outcome.exhibit.healthy]
    healthy = [outcome for outcome in outcomes if outcome.exhibit.healthy]
    console.print(
        f"found {sum(o.right for o in broken)} of {sum(len(o.diagnoses) for o in broken)}, "
        f"false alarms {sum(len(o.diagnoses) - o.right for o in healthy)} of "
        f"{sum(len(o.diagnoses) for o in healthy)}",
    )


def write_lessons(arguments: Namespace) -> None:
    """Train and write the site of lessons."""
    from pathlib import Path

    from nn_scratch.cli.lessons import write_gallery
    from nn_scratch.wording import plural

    folder = Path(arguments.gallery)
    rules = write_gallery(folder, arguments.rules, arguments.jobs, cheat_sheet=not arguments.rules)
    Printer().say(f"{folder / 'index.html'}  {plural(len(rules), 'lesson')}: open it in a browser")
