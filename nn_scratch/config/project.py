"""Where the project's folders are, and how its commands are typed.

In a checkout (the folder above the package holds config/param.yaml) config/ and outputs/ are those of the checkout,
independent of the working directory. Where the package is installed they are those of the working directory; the
default config and the zoo are in nn_scratch/shipped/, a copy of the checkout's config/ and data/ that is made when a
wheel is built.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from nn_scratch.paths import expanded

PACKAGE = Path(__file__).resolve().parents[1]
SHIPPED = PACKAGE / "shipped"
IN_CHECKOUT = (PACKAGE.parent / "config" / "param.yaml").is_file()

HOME = PACKAGE.parent if IN_CHECKOUT else Path()  # Path(): the working directory at the time a path is used
SOURCE = PACKAGE.parent if IN_CHECKOUT else SHIPPED  # the zoo's configs and their tables are relative to it
CONFIGS = HOME / "config"
OUTPUTS = HOME / "outputs"
ZOO = SOURCE / "config" / "zoo"


def default_config() -> Path:
    """config/param.yaml of the checkout or of the working directory; without one, the copy that was installed."""
    path = CONFIGS / "param.yaml"
    return path if IN_CHECKOUT or path.is_file() else SHIPPED / "config" / "param.yaml"


def outputs_folder(given: str | os.PathLike[str] | None) -> Path:
    """The folder of runs that was given; None or empty: outputs/ of the project."""
    return expanded(given) if given else OUTPUTS


def command(name: str) -> str:
    """How a command is typed, in the same way as the running process was started.

    `nn-scratch train` or `python -m nn_scratch train`, or, for a script or a caller of the API in a checkout,
    `python script/train.py`.
    """
    started = Path(sys.argv[0])
    if started.parts[-2:] == ("nn_scratch", "__main__.py"):
        return f"python -m nn_scratch {name}"
    if IN_CHECKOUT and started.stem != "nn-scratch":
        has_script = (HOME / "script" / f"{name}.py").is_file()
        return f"python script/{name}.py" if has_script else f"python -m nn_scratch {name}"
    return f"nn-scratch {name}"


def as_typed(text: str) -> str:
    """A text in which each `python script/NAME.py`, with or without `python`, is replaced by `command(NAME)`."""
    return re.sub(r"(?:python )?script/(\w+)\.py", lambda found: command(found[1]), text)
