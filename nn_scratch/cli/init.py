"""Write config/param.yaml, the default config, and its schema for editors below the working directory."""

from __future__ import annotations

import argparse
from argparse import Namespace

EXAMPLES = ("example: nn-scratch init",)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("--force", action="store_true", help="replace a config that is there already")


def main(arguments: Namespace) -> None:
    """Raises UserError where a config is there already."""
    from pathlib import Path

    from nn_scratch.config.json_schema import dump_json_schema
    from nn_scratch.config.project import SOURCE
    from nn_scratch.errors import UserError
    from nn_scratch.runs.files import disk_errors, write_bytes

    folder = Path("config")
    target = folder / "param.yaml"
    if target.exists() and not arguments.force:
        raise UserError(f"{target}: is there already; write --force to replace it")
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    write_bytes(target, (SOURCE / "config" / "param.yaml").read_bytes())
    write_bytes(folder / "param.schema.json", dump_json_schema().encode())
    print(f"written: {target}, {folder / 'param.schema.json'}; next: nn-scratch train")
