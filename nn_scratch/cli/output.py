"""Output for pipelines: --json, --quiet, --log-file, and --fail-on with its exit code.

A command prints as ever and returns a document. With --json the document alone stands on stdout, and what is
printed goes to stderr; with --quiet it goes nowhere; --log-file appends it to a file as well, a line with its time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from io import TextIOBase
from pathlib import Path
from typing import Any, TextIO

from nn_scratch.errors import EnvironmentFailure, NNScratchError, UserError
from nn_scratch.paths import expanded
from nn_scratch.wording import visible

LOG_BEGINS = re.compile(rb"\d{4}-\d\d-\d\dT\S+ \$ ")  # as the first line of a log, the command, does
FAIL_ON = ("sick", "warning")


class VerdictFailure(NNScratchError):
    """--fail-on was met; document: what --json prints all the same."""

    exit_code = 4

    def __init__(self, message: str, document: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.document = document


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one JSON object; progress goes to stderr")
    group.add_argument("--quiet", action="store_true", help="print errors alone")
    group.add_argument("--log-file", metavar="FILE", help="append what is printed to FILE, with times")


def add_fail_on(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fail-on",
        choices=FAIL_ON,
        help="exit with code 4 if the doctor's verdict is sick, or with `warning` on any finding that is worth a look",
    )


def check_verdict(
    arguments: argparse.Namespace, diagnoses: Mapping[str, Mapping[str, Any]], document: Mapping[str, Any]
) -> None:
    """Raise VerdictFailure where a diagnosis, by the name of its run, reaches the level of --fail-on."""
    level = getattr(arguments, "fail_on", None)
    severities = {"sick": ("critical",), "warning": ("critical", "warning")}.get(level or "", ())
    met = [
        f"{name}: {diagnosis['verdict']}: {diagnosis['findings'][0]['rule']}"
        for name, diagnosis in diagnoses.items()
        if any(finding["severity"] in severities for finding in diagnosis["findings"])
    ]
    if met:
        raise VerdictFailure("\n".join(f"--fail-on {level}: {line}" for line in met), document)


class _Stream(TextIOBase):
    """A stream that is no terminal: writes to another (None: nowhere), and its lines to a log."""

    def __init__(self, stream: TextIO | None, log: TextIO | None) -> None:
        self._stream, self._log, self._line = stream, log, ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if self._stream is not None:
            self._stream.write(text)
        if self._log is not None:
            *lines, self._line = (self._line + text).split("\n")
            for line in lines:
                log_line(self._log, line)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def end(self) -> None:
        """Log a line that has no end yet."""
        if self._log is not None and self._line:
            log_line(self._log, self._line)
            self._line = ""


def log_line(log: TextIO, line: str) -> None:
    log.write(visible(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {line}".rstrip()) + "\n")


def open_log(path: Path) -> TextIO:
    """Open a log file to append to: a new or empty one, one that an earlier command has begun, or a device.

    UserError for a file that holds something else, such as a table or a config; EnvironmentFailure for one that cannot
    be written.
    """
    try:
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file:
                if not LOG_BEGINS.match(file.read(60)):
                    raise UserError(f"{path}: holds something other than a log of commands; name a new file")
        # opening a pipe without a reader would block
        at_once = getattr(os, "O_NONBLOCK", 0)
        file_number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | at_once, 0o666)
        if at_once:
            os.set_blocking(file_number, True)
    except OSError as error:
        raise EnvironmentFailure(f"{path}: cannot be written ({error.strerror})") from None
    return os.fdopen(file_number, "w", encoding="utf-8", errors="backslashreplace", buffering=1)


class Output:
    """The streams of a command; `emit` prints its document with --json."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.as_json = bool(getattr(arguments, "json", False)) and hasattr(arguments, "log_file")
        self.quiet = bool(getattr(arguments, "quiet", False))
        self._path = getattr(arguments, "log_file", None)
        self._stdout, self._stderr = sys.stdout, sys.stderr
        self._log: TextIO | None = None
        self._streams: list[_Stream] = []

    def __enter__(self) -> Output:
        if self._path:
            self._log = open_log(expanded(self._path))
            log_line(self._log, f"$ {shlex.join(sys.argv)}")
        if self.as_json or self.quiet or self._log:
            shown = None if self.quiet else self._stderr if self.as_json else self._stdout
            self._streams = [_Stream(shown, self._log), _Stream(self._stderr, self._log)]
            sys.stdout, sys.stderr = self._streams
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.end()
        sys.stdout, sys.stderr = self._stdout, self._stderr
        if self._log is not None:
            self._log.close()

    def ended(self, code: int) -> None:
        if self._log is not None:
            log_line(self._log, f"exit code {code}")

    def emit(self, document: Any) -> None:
        """Print the document on the process's own stdout."""
        if self.as_json and self._stdout is not None:
            from nn_scratch.runs.files import finite

            self._stdout.write(json.dumps(finite(document), ensure_ascii=False, allow_nan=False, indent=2) + "\n")
            self._stdout.flush()


@contextmanager
def plain_stdout(arguments: argparse.Namespace) -> Iterator[TextIO]:
    """The stream for a result that is text itself (a CSV): the process's own stdout, with --quiet, too."""
    stream = sys.__stdout__ if getattr(arguments, "quiet", False) else sys.stdout
    assert stream is not None
    yield stream
    stream.flush()
