"""List, remove, label and compare runs.

  runs [list] [RUN ...]      name, when, data, network, score, verdict and size of each run
  runs rm RUN ...            delete runs, after asking; none where one holds files that are not the run's
  runs tag RUN TAG ...       give a run tags (--remove takes them away)
  runs note RUN TEXT         give a run a note ('-' takes it away)
  runs compare RUN RUN ...   scores, verdicts and differences of the configs, the best marked

RUN is a path, a name under outputs/, or a pattern such as 'digits-*'.
"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nn_scratch.cli.process import say
from nn_scratch.config.project import command, outputs_folder
from nn_scratch.errors import UserError
from nn_scratch.wording import did_you_mean, plural, shortened

if TYPE_CHECKING:
    from nn_scratch.runs.listing import Summary

EXAMPLES = (
    "examples:",
    "  python script/runs.py",
    "  python script/runs.py list 'digits-*' --sort score --verdict sick",
    "  python script/runs.py compare digits-001 digits-002",
    "  python script/runs.py tag digits-001 baseline",
    "  python script/runs.py rm 'test-*'",
)
MOST_WIDTH = 160  # of the list, which may be wider than the terminal
SORTS = ("name", "when", "data", "network", "score", "verdict", "status", "size")


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("action", nargs="?", default="list", metavar="ACTION", help=", ".join(ACTIONS))
    cli.add_argument("given", nargs="*", metavar="RUN", help="runs, and what else the action takes")
    cli.add_argument("--sort", choices=SORTS, default="when", help="the order of the list (default: when)")
    cli.add_argument("--reverse", action="store_true", help="reverse the order")
    for name in ("data", "status", "verdict", "tag"):
        cli.add_argument(f"--{name}", metavar=name.upper(), help=f"list runs of this {name} alone")
    cli.add_argument("--remove", action="store_true", help="with tag: take the tags away")
    cli.add_argument("--yes", action="store_true", help="with rm: do not ask")
    cli.add_argument("--outputs", metavar="DIR", help="where runs are (default: outputs/ of the project)")


def main(arguments: Namespace) -> Any:
    outputs = outputs_folder(arguments.outputs)
    if arguments.action not in ACTIONS:
        raise UserError(f"runs {arguments.action}: no such action{did_you_mean(arguments.action, ACTIONS)}")
    return ACTIONS[arguments.action](arguments, outputs)


def list_runs(arguments: Namespace, outputs: Path) -> dict[str, Any]:
    from nn_scratch.runs.folder import shown
    from nn_scratch.runs.listing import matching, run_folders, summary

    folders = matching(arguments.given, outputs) if arguments.given else run_folders(outputs)
    found = [summary(folder, outputs) for folder in folders]
    found = [one for one in found if wanted(one, arguments)]
    found.sort(key=sort_key(arguments.sort), reverse=arguments.reverse)
    if found:
        print_list(found)
    else:
        say(f"no run under {shown(outputs)}" + (" is like this" if folders else f": {command('train')} makes one"))
    return {"runs": [one.to_json() for one in found]}


def wanted(one: Summary, arguments: Namespace) -> bool:
    """Whether a run passes the filters."""
    return all(
        given is None or given == value for given, value in ((arguments.data, one.data), (arguments.status, one.status))
    ) and (arguments.verdict in (None, one.verdict) and (arguments.tag is None or arguments.tag in one.tags))


def sort_key(name: str) -> Callable[[Summary], Any]:
    """Texts by letter, scores from the best, sizes from the largest, times from the oldest; what is unknown last."""
    if name == "score":
        return lambda one: (one.score is None, -(one.score or 0.0), one.name)
    if name == "size":
        return lambda one: (-one.bytes, one.name)
    if name == "when":
        return lambda one: (one.started or 0.0, one.name)
    return lambda one: (getattr(one, name) is None, getattr(one, name) or "", one.name)


def print_list(found: Sequence[Summary]) -> None:
    from rich.table import Table

    from nn_scratch.cli.printer import Printer

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("name", "when", "data", "network", "epochs", "score", "verdict", "size", "notes"):
        right = title in ("epochs", "score", "size")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for one in found:
        score = "" if one.score is None else f"{'R² ' if one.metric == 'r2' else ''}{one.score:.3f}"
        state = one.verdict or "" if one.status in ("finished", "stopped") else one.status
        notes = " ".join([*(f"#{tag}" for tag in one.tags), one.note])
        epochs = "" if one.epochs is None else f"{one.epochs:,}"
        texts = (one.name, one.when, shortened(one.data, 20), shortened(one.network, 24))
        table.add_row(*texts, epochs, score, state, f"{one.bytes / 1e6:,.1f} MB", notes)
    printer = Printer()
    printer.width = max(printer.width, MOST_WIDTH)  # a name that is cut off cannot be typed
    printer.print(table, crop=False)
    printer.say(f"{plural(len(found), 'run')}, {sum(one.bytes for one in found) / 1e6:,.1f} MB")


def remove_runs(arguments: Namespace, outputs: Path) -> dict[str, Any]:
    from nn_scratch.runs.listing import matching, removal_problem, remove, size, typed_name
    from nn_scratch.runs.run import Run

    folders = matching(at_least(arguments, 1, "rm"), outputs)
    names = [typed_name(folder, outputs) for folder in folders]
    problems = [
        f"{name}: {problem}"
        for name, folder in zip(names, folders, strict=True)
        if (problem := removal_problem(folder)) is not None
    ]
    if problems:
        raise UserError(problems)
    total = sum(map(size, folders)) / 1e6
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise UserError(f"runs rm: would delete {', '.join(names)}; write --yes to do so without being asked")
        say(f"{', '.join(names)}: {plural(len(names), 'run')}, {total:,.1f} MB")
        if input("delete? [y/N] ").strip().lower() not in ("y", "yes"):
            say("nothing was deleted")
            return {"removed": []}
    for folder in folders:
        remove(Run(folder))
    say(f"deleted: {', '.join(names)} ({total:,.1f} MB)")
    return {"removed": names}


def tag_runs(arguments: Namespace, outputs: Path) -> dict[str, Any]:
    from nn_scratch.runs.listing import label, labels, matching, typed_name

    pattern, *tags = at_least(arguments, 2, "tag")
    if odd := [tag for tag in tags if not tag.replace("-", "").replace("_", "").replace(".", "").isalnum()]:
        raise UserError(f"runs tag: {odd[0]!r}: a tag is letters, digits, '-', '_' and '.'")
    changed = {}
    for run in map(run_of, matching([pattern], outputs)):
        label(run, add=() if arguments.remove else tags, remove=tags if arguments.remove else ())
        changed[typed_name(run.path, outputs)] = list(labels(run)[0])
    for name, now in changed.items():
        say(f"{name}: {' '.join(f'#{tag}' for tag in now) or 'no tags'}")
    return {"tags": changed}


def note_runs(arguments: Namespace, outputs: Path) -> dict[str, Any]:
    from nn_scratch.runs.listing import label, labels, matching, typed_name

    pattern, *words = at_least(arguments, 2, "note")
    changed = {}
    for run in map(run_of, matching([pattern], outputs)):
        label(run, note="" if words == ["-"] else " ".join(words))
        changed[typed_name(run.path, outputs)] = labels(run)[1]
    for name, now in changed.items():
        say(f"{name}: {now or 'no note'}")
    return {"notes": changed}


def compare_runs(arguments: Namespace, outputs: Path) -> dict[str, Any]:
    from nn_scratch.runs.listing import compared, matching

    folders = matching(at_least(arguments, 1, "compare"), outputs)
    if len(folders) < 2:
        raise UserError("runs compare: takes two runs or more, or a pattern that matches as many")
    table = compared([run_of(folder) for folder in folders], outputs)
    print_comparison(table)
    return table.to_json()


def print_comparison(compared: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    from nn_scratch.cli.printer import Printer

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("", *compared.names):
        table.add_column(title, overflow="fold")
    for heading, cells, best in compared.rows:
        marked = [Text(f"{cell} *", "bold green") if index == best else Text(cell) for index, cell in enumerate(cells)]
        table.add_row(heading, *marked)
    Printer().print(table)


def at_least(arguments: Namespace, number: int, action: str) -> list[str]:
    given: list[str] = arguments.given
    if len(given) < number:
        needs = "a run, and what to write" if number > 1 else "a run"
        raise UserError(f"runs {action}: name {needs}; {command('runs')} --help shows how")
    return given


def run_of(folder: Path) -> Any:
    from nn_scratch.runs.run import Run

    return Run(folder)


ACTIONS: dict[str, Callable[[Namespace, Path], dict[str, Any]]] = {
    "list": list_runs,
    "rm": remove_runs,
    "tag": tag_runs,
    "note": note_runs,
    "compare": compare_runs,
}
