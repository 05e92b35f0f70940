"""The process around every command: errors become exit codes, and the process copes with closed streams and signals."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from types import FrameType
from typing import Any, NoReturn, TextIO

from nn_scratch.errors import EnvironmentFailure, NNScratchError, UserError
from nn_scratch.runs.interruption import notice, watch_signals
from nn_scratch.wording import visible

ASK_AGAIN_SECONDS = 0.05


def run_script(
    main: Callable[[argparse.Namespace], Any], parser: argparse.ArgumentParser, given: Sequence[str] | None = None
) -> int:
    """Parse the arguments, call `main`, and turn errors into one line on stderr and an exit code.

    0 done, 1 the environment, 2 the user's input, 3 diverged, 4 --fail-on was met, 70 an internal error, 130 Ctrl-C,
    143 SIGTERM. What `main` returns is the document of --json; an error is a document as well.
    """
    from nn_scratch.cli.output import Output

    signals = harden_process()
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_intermixed_args(given)  # options may stand between the others
    output = Output(arguments)
    code = 0
    try:
        with output:
            code, document = outcome(main, arguments, signals)
            output.ended(code)
        output.emit(document)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # of the log file, or of stdout itself
        code = print_error(error, arguments, signals)
    return code


def outcome(
    main: Callable[[argparse.Namespace], Any], arguments: argparse.Namespace, signals: Sequence[int]
) -> tuple[int, Any]:
    """Call `main`; returns the exit code and the document of --json."""
    try:
        working_directory()
        # such as a variable of the shell that was never set: the newest run, or a new one, is not what was meant
        if empty := [name for name, value in vars(arguments).items() if value == ""]:
            raise UserError(f"{name}: is empty; write a value, or leave it out" for name in empty)
        document = main(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        code = print_error(error, arguments, signals)
        problem = {"error": explained(error)[1], "exit_code": code}
        known = getattr(error, "document", None)
        return code, problem if known is None else {**known, **problem}
    return 0, {} if document is None else document


def print_error(error: BaseException, arguments: argparse.Namespace, signals: Sequence[int]) -> int:
    """Print what went wrong on stderr; returns the exit code."""
    if arguments.debug:
        from traceback import print_exception

        print_exception(error)
    # a signal that came in the middle of an import may have become an error of its own
    code, words = (128 + signals[0], "stopped") if signals else explained(error)
    say(words, sys.stderr)
    return code


def working_directory() -> None:
    """Raise EnvironmentFailure where the folder that the process stands in has been removed: no path leads from it."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        raise EnvironmentFailure("the working directory is gone; change to another one") from None


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a message, to stdout unless another stream is given; control characters in it are escaped."""
    print(visible(text), file=stream)


def explained(error: BaseException) -> tuple[int, str]:
    """The exit code of a failure, and its message."""
    match error:
        case NNScratchError():
            return error.exit_code, str(error)
        case KeyboardInterrupt():
            return 130, "stopped"
        case MemoryError():
            return 1, f"not enough memory: {error or 'the machine has no more'}"
        case OSError():
            return 1, f"{error.filename or 'the machine'}: {error.strerror or error}"
    return 70, f"internal error: {type(error).__name__}: {error} (run again with --debug to see where)"


def harden_process() -> list[int]:
    """Make the process independent of how it was started: closed streams, a terminal with few characters, SIGTERM.

    Returns a list to which the numbers of received SIGINT and SIGTERM are added, unless they are handled elsewhere.
    """
    for number in (0, 1, 2):  # else a file of the run would get the number, and all that is printed
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is TextIOWrapper:
            stream_kept = BrokenPipeSafeStream(
                stream.detach(), stream.encoding, "replace", line_buffering=stream.line_buffering
            )
            setattr(sys, name, stream_kept)
            setattr(sys, f"__{name}__", stream_kept)
    # what else is installed may hook into pydantic: no config is to mean something else for it
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # a run sets its threads itself; starting threads that wait takes a fifth of the time until an error is shown
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # libraries' warnings are not shown: numbers that are not finite are found and reported with their place
    warnings.simplefilter("ignore", RuntimeWarning)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    signals: list[int] = []

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        signals.append(signum)
        notice()
        raise KeyboardInterrupt

    def unraisable(lost: sys.UnraisableHookArgs) -> None:
        """Ask once more where a callback or a destructor, which can raise nothing, was what the signal came into."""
        if signals and lost.exc_type is KeyboardInterrupt:
            again = threading.Timer(ASK_AGAIN_SECONDS, interrupt_main, (signals[0],))
            again.daemon = True
            again.start()
        else:
            sys.__unraisablehook__(lost)

    sys.unraisablehook = unraisable
    for asking in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(asking) is not signal.SIG_IGN:  # as `nohup` and `&` leave it
            signal.signal(asking, stop)
    watch_signals()
    return signals


def interrupt_main(signum: int) -> None:
    """Send the main thread a signal from another, which ends its waiting."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signum)
    else:  # Windows
        signal.raise_signal(signum)


class BrokenPipeSafeStream(TextIOWrapper):
    """A stream that may lose its reader (`| head`): what is written then is discarded, and the command continues."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._go_nowhere(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._go_nowhere(error)

    def _go_nowhere(self, error: OSError) -> None:
        """Let nothing that is still to be written fail again; raises what is not the reader's fault."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        super().flush()
        if not isinstance(error, BrokenPipeError):
            raise EnvironmentFailure(f"standard output: {error.strerror}") from None


class ArgumentParser(argparse.ArgumentParser):
    """Shows what it is given, and does not send it to the terminal as it is."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


def parser(description: str, epilog: Sequence[str] = (), program: str | None = None) -> argparse.ArgumentParser:
    """An argument parser whose help keeps the line breaks it is given."""
    return ArgumentParser(
        prog=program,
        description=description,
        epilog="\n".join(epilog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
