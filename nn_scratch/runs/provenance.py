"""Where a run came from: when it began, what was typed, and the commit of the working directory."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
MOST_BYTES = 1 << 20  # of a file of git that is read


def provenance() -> dict[str, Any]:
    """started: local time, ISO 8601 with its offset. command: as a shell takes it. git_commit: or None."""
    return {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join([program(), *sys.argv[1:]]),
        "git_commit": git_commit(Path.cwd()),
    }


def program() -> str:
    """The name of the script that runs; that of the package for python -m."""
    script = Path(sys.argv[0])
    return script.parent.name if script.name == "__main__.py" else script.name or "python"


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out in the repository around a folder; None where there is none.

    The files are read, and git is not run: a repository's own settings can make it run other programs.
    """
    for place in (folder, *folder.parents):
        with suppress(OSError, UnicodeDecodeError):
            git = place / ".git"
            if git.is_file():  # of a worktree or a submodule
                git = place / _text(git).removeprefix("gitdir:").strip()
            if (git / "HEAD").is_file():
                return _resolved(git)
    return None


def _resolved(git: Path) -> str | None:
    head = _text(git / "HEAD")
    if not head.startswith("ref:"):
        return head if COMMIT.fullmatch(head) else None
    name = head.removeprefix("ref:").strip()
    common = git / _text(git / "commondir") if (git / "commondir").is_file() else git
    for place in (git, common):
        if (place / name).is_file():
            found = _text(place / name)
            return found if COMMIT.fullmatch(found) else None
    if (common / "packed-refs").is_file():
        for line in _text(common / "packed-refs").splitlines():
            commit, _, ref = line.partition(" ")
            if ref == name and COMMIT.fullmatch(commit):
                return commit
    return None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_BYTES).decode().strip()
