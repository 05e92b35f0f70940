"""What every script shares: errors to exit codes, and the paths that people type."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from nn_scratch.errors import NNScratchError


def run_script(main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> int:
    """Parse the arguments, call `main`, and turn what goes wrong into one line on stderr and an exit code.

    0 done, 1 the environment, 2 the user's input, 3 diverged, 70 a bug of ours, 130 Ctrl-C, 143 SIGTERM.
    """
    parser.add_argument("--debug", action="store_true", help="show the traceback of whatever goes wrong")
    arguments = parser.parse_args()
    try:
        main(arguments)
    except NNScratchError as error:
        if arguments.debug:
            raise
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads what is printed any more
        return 0
    except OSError as error:
        if arguments.debug:
            raise
        print(f"{error.filename or 'the machine'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except Exception as error:
        if arguments.debug:
            raise
        print(f"a bug of ours: {type(error).__name__}: {error} (run again with --debug to see where)", file=sys.stderr)
        return 70
    return 0


def parser(description: str, epilog: Sequence[str] = ()) -> argparse.ArgumentParser:
    """An argument parser whose help keeps the line breaks it is given."""
    return argparse.ArgumentParser(
        description=description, epilog="\n".join(epilog), formatter_class=argparse.RawDescriptionHelpFormatter
    )
