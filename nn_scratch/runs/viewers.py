"""Messages between training and the page that shows it live: two small files in the folder of temporary files.

While a page requests new epochs, training writes its rows more often than it commits them, and reports their number.
Neither waits for the other, and nothing of this stands in the run's folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

WAITING_SECONDS = 2.0  # that a request of a page counts
MOST_BYTES = 1 << 24  # of a report


class Viewers:
    """The pages that show one run live, on this machine and of this user."""

    def __init__(self, run: Path) -> None:
        name = hashlib.sha256(os.fsencode(run.resolve())).hexdigest()[:24]
        self.folder = Path(tempfile.gettempdir()) / f"nn_scratch-live-{name}"
        self._asked, self.file = self.folder / "asked", self.folder / "written.json"

    # --- by the page's server

    def ask(self) -> None:
        """A page requests new epochs. Where that fails, it shows those that are committed."""
        with suppress(OSError):
            self.folder.mkdir(0o700, exist_ok=True)
            if self._is_own():
                self._asked.touch()

    def written(self) -> dict[str, Any] | None:
        """What training reported last, in the form of commit.json; None where there is no report."""
        try:
            if not self._is_own() or self.file.stat().st_size > MOST_BYTES:
                return None
            found = json.loads(self.file.read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def leave(self) -> None:
        with suppress(OSError):
            if self._is_own():
                for file in (self._asked, self.file):
                    file.unlink(missing_ok=True)
                self.folder.rmdir()

    # --- by training

    def waiting(self) -> bool:
        """Whether a page has sent a request recently."""
        try:
            return time.time() - self._asked.stat().st_mtime < WAITING_SECONDS and self._is_own()
        except OSError:
            return False

    def report(self, counted: Mapping[str, Any]) -> None:
        """Report how much is written. Where that fails, the page uses commit.json."""
        beside = self.file.with_suffix(".part")
        with suppress(OSError):
            beside.write_bytes(json.dumps(counted).encode())
            beside.replace(self.file)

    def withdraw(self) -> None:
        """Remove the report of an earlier process."""
        with suppress(OSError):
            if self._is_own():
                self.file.unlink(missing_ok=True)

    def _is_own(self) -> bool:
        """Whether the folder is this user's: anyone may make one of that name."""
        status = self.folder.lstat()
        return not self.folder.is_symlink() and (not hasattr(os, "geteuid") or status.st_uid == os.geteuid())
