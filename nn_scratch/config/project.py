"""Where the project's folders are: those of a checkout, or of the working directory where the package is installed.

A checkout is the folder above the package, if it holds config/param.yaml. An installed package brings the default
config and the zoo in nn_scratch/shipped/, a copy of the checkout's config/ and data/zoo/ made when a wheel is built.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
SHIPPED = PACKAGE / "shipped"
IN_CHECKOUT = (PACKAGE.parent / "config" / "param.yaml").is_file()

HOME = PACKAGE.parent if IN_CHECKOUT else Path()  # the working directory, wherever that is when a path is used
SOURCE = PACKAGE.parent if IN_CHECKOUT else SHIPPED  # what the zoo's configs and their tables are relative to
CONFIGS = HOME / "config"
OUTPUTS = HOME / "outputs"
ZOO = SOURCE / "config" / "zoo"


def default_config() -> Path:
    """config/param.yaml of the checkout or of the working directory; without one, the copy that was installed."""
    path = CONFIGS / "param.yaml"
    return path if IN_CHECKOUT or path.is_file() else SHIPPED / "config" / "param.yaml"


def command(name: str) -> str:
    """How a command is typed: `python script/train.py` in a checkout, `nn-scratch train` where it is installed."""
    return f"python script/{name}.py" if IN_CHECKOUT else f"nn-scratch {name}"
