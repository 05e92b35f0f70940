"""Write a config below the working directory: the default one, or one for a table of data."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from nn_scratch.cli.process import say
from nn_scratch.config.project import command

EXAMPLES = (
    "examples:",
    f"  {command('init')}                              config/param.yaml, the default config",
    f"  {command('init')} table.csv --target price     config/table.yaml, for this table",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("table", nargs="?", metavar="TABLE", help="a file such as .csv, .parquet or .xlsx to write it for")
    cli.add_argument("--target", metavar="COLUMN", help="with TABLE: the column to predict (default: the last)")
    cli.add_argument("--force", action="store_true", help="replace an existing config")


def main(arguments: Namespace) -> dict[str, Any]:
    """Raises UserError if the config exists and --force is not given, or a link would be replaced."""
    from nn_scratch.config.json_schema import dump_json_schema
    from nn_scratch.config.project import SOURCE, as_typed, default_config
    from nn_scratch.errors import UserError
    from nn_scratch.runs.files import check_output, disk_errors, write_bytes

    folder = Path("config")
    schema = folder / "param.schema.json"
    if arguments.table is not None:
        from nn_scratch.experiments.table_config import default_name

        target = folder / f"{default_name(Path(arguments.table))}.yaml"
    else:
        if arguments.target is not None:
            raise UserError("--target: names a column of a table; write init TABLE --target COLUMN")
        target = folder / "param.yaml"
    if os.path.lexists(target) and not arguments.force:
        raise UserError(f"{target}: exists already; --force replaces it")
    notes: list[str] = []
    if arguments.table is not None:
        text, notes = table_config(arguments.table, arguments.target, target)
    else:
        text = as_typed((SOURCE / "config" / "param.yaml").read_text(encoding="utf-8"))
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    for path in (target, schema):
        check_output(path)
    write_bytes(schema, dump_json_schema().encode())
    write_bytes(target, text.encode())  # last: on a full disk, init can be typed again
    # in an editable install the default config is still that of the checkout
    is_default = target.resolve() == default_config().resolve()
    say(f"written: {target}, {schema}")
    typed = f"{command('train')}{'' if is_default else f' --config {target}'}"
    say(f"next: {typed}")
    return {"config": str(target), "schema": str(schema), "table": arguments.table, "notes": notes, "next": typed}


def table_config(source: str, target: str | None, written: Path) -> tuple[str, list[str]]:
    """The config for a table, and notes on what was found in it, which are printed. written: where it will stand.

    Raises UserError where no config can hold the table's names.
    """
    from nn_scratch.config.document import Problem
    from nn_scratch.config.loader import parse
    from nn_scratch.data.formats import NAMED_COLUMNS, has_named_columns
    from nn_scratch.data.tables import find, load_table
    from nn_scratch.errors import UserError
    from nn_scratch.experiments.table_config import config_for, validates
    from nn_scratch.seeding import spawn_generators

    path = find(source)
    if not has_named_columns(path) or not path.is_file():
        raise UserError(f"{path}: no table whose columns have names; those are {', '.join(NAMED_COLUMNS)}")
    typed = source if "/" in source or os.sep in source else f"./{source}"
    table = load_table(str(path), target=target, rng=spawn_generators(42)["source"])
    notices = list(table.notices)
    if not validates(table):
        notices.append(
            f"{path}: {len(table.X)} rows leave none for val and test, so that the scores are of the rows trained on; "
            "bring more rows"
        )
    for notice in notices:
        say(f"note: {notice}")
    text = config_for(table, typed, written.stem)
    problems = parse(text, str(written)).problems
    if problems:
        raise UserError([f"{path}: {Problem(None, problem.path, problem.reason)}" for problem in problems])
    return text, notices
