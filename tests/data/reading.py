"""What the tests of the data have in common."""

from __future__ import annotations

import numpy as np
import pytest

from nn_scratch.data import load_table, prepare
from nn_scratch.errors import UserError


def problems_of(call, *arguments, **keywords):
    """The lines of the UserError that a call raises."""
    with pytest.raises(UserError) as error:
        call(*arguments, **keywords)
    return list(error.value.problems)


def loaded(source, seed=0, **keywords):
    """A table as load_table gives it, from a name, a mapping or a path."""
    source = source if isinstance(source, dict) else str(source)
    return load_table(source, rng=np.random.default_rng(seed), **keywords)


def prepared(table, seed=0, **changes):
    """A table split and scaled as the config's defaults have it, but for the changes."""
    settings = {
        "split": {"train": 0.7, "val": 0.15, "test": 0.15},
        "shuffle": True,
        "stratify": True,
        "scale": "standard",
        "target_scale": "standard",
        **changes,
    }
    return prepare(table, rng=np.random.default_rng(seed), **settings)
