"""What the benchmark's command takes."""

from __future__ import annotations

from argparse import Namespace

import pytest

from nn_scratch.cli.benchmark import main
from nn_scratch.errors import UserError


def test_an_unknown_part_of_the_sweep_is_one_line() -> None:
    arguments = Namespace(subjects=["sweep"], parts="local,daks", threads=1, workloads=None, repeats=1)
    with pytest.raises(UserError) as caught:
        main(arguments)
    assert str(caught.value) == "--parts daks: no such part of sweep; did you mean 'dask'?"
