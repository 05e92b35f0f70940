"""Write config/param.yaml, the default config, and its schema for editors below the working directory."""

from __future__ import annotations

import argparse
from argparse import Namespace

from nn_scratch.cli.process import say
from nn_scratch.config.project import command

EXAMPLES = (f"example: {command('init')}",)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("--force", action="store_true", help="replace an existing config/param.yaml")


def main(arguments: Namespace) -> None:
    """Raises UserError if config/param.yaml exists and --force is not given."""
    from pathlib import Path

    from nn_scratch.config.json_schema import dump_json_schema
    from nn_scratch.config.project import SOURCE, as_typed, default_config
    from nn_scratch.errors import UserError
    from nn_scratch.runs.files import disk_errors, write_bytes

    folder = Path("config")
    target = folder / "param.yaml"
    if target.exists() and not arguments.force:
        raise UserError(f"{target}: exists already; --force replaces it")
    text = as_typed((SOURCE / "config" / "param.yaml").read_text(encoding="utf-8"))
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    write_bytes(target, text.encode())
    write_bytes(folder / "param.schema.json", dump_json_schema().encode())
    # in an editable install the default config is still that of the checkout
    is_default = target.resolve() == default_config().resolve()
    say(f"written: {target}, {folder / 'param.schema.json'}")
    say(f"next: {command('train')}{'' if is_default else f' --config {target}'}")
