"""Paths as people type them."""

from __future__ import annotations

import os
from pathlib import Path

from nn_scratch.errors import UserError


def expanded(name: str | os.PathLike[str]) -> Path:
    """The path with `~` and `~user` written out, as a shell does only where the word begins with it.

    UserError where there is no such user.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise UserError(f"{name}: no such file: no home folder is known for {Path(name).parts[0]}") from None
